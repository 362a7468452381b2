//! Who may do what, and what attackers try.

mod access;
mod bad_input;
mod costly_attacks;
mod identity;
mod known_attacks;
mod on_behalf;
mod several_users;
