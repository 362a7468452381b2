//! What an operator does: first start, commands, signals, health.

mod admin_api;
mod arrears;
mod changed_bytes;
mod commands;
mod deleting_node;
mod first_run;
mod invitations;
mod money;
mod money_failpoints;
mod nodes;
mod ops;
mod out_of_funds;
mod price_floors;
mod settling_clocks;
mod signals;
mod spend_limits;
mod staking;
mod witnesses;
