//! Event notifications, access logs and inventories: rules and events in, documents out. Pure.

mod access_log;
mod inventory;
mod record;
mod rule;

pub use access_log::{AccessLine, LogKeyFormat, LoggingConfiguration};
pub use inventory::{Field, Inventories, Inventory, ListFile, Listed};
pub use record::{EventDetails, Origin, finished, record, test_event, with_content};
pub use rule::{Destination, KeyFilter, NotificationConfiguration, NotificationRule, Overlap, is_event};
