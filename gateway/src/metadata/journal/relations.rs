//! Which tables the journal leaves out. All others are in it, so that a new one cannot be forgotten.

/// Tables whose rows a rebuilt database has no use for, or makes by itself: claims, leases and progress of gateways that are gone; what
/// backends say of themselves; queues that follow from other rows (`metadata/journal/restore.rs` fills them); caches of use.
pub(in crate::metadata) const UNJOURNALED: &[&str] = &[
    "_sqlx_migrations",
    "audit_share",
    "backend_flag",
    "commit_token",
    "contained_audit",
    "counter",
    "discard",
    "errand",
    "finding",
    "heartbeat",
    "incarnation",
    "job",
    "journal_end",
    "journal_outbox",
    "journal_record",
    "key_use",
    "reclaim",
    "schema_floor",
];
