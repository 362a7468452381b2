//! Which changes are told to whom, and in which words. A rule book: rules and what happened in, documents out.

mod access_log;
mod inventory;
mod record;
mod rule;

pub use access_log::{AccessLine, LogKeyFormat, LoggingConfiguration};
pub use inventory::{Field, Inventories, Inventory, ListFile, Listed};
pub use record::{Happening, Origin, finished, record, test_event, with_content};
pub use rule::{Destination, KeyFilter, NotificationConfiguration, NotificationRule, Overlap, is_event};
