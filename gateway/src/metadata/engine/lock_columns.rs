//! How versioning and object lock look in columns.

use crate::domain::{
    DefaultRetention, ObjectLock, Retention, RetentionMode, RetentionPeriod, Timestamp, VersionLock, Versioning,
};
use crate::metadata::engine::row::Row;
use crate::metadata::engine::statement::Value;
use crate::metadata::error::{MetadataError, Result};

/// The state of a bucket in one column.
pub(crate) fn versioning(row: &Row, column: usize) -> Result<Versioning> {
    match row.int(column)? {
        0 => Ok(Versioning::Never),
        1 => Ok(Versioning::Enabled),
        2 => Ok(Versioning::Suspended),
        other => Err(MetadataError::Damaged(format!("a versioning state {other}"))),
    }
}

/// The reverse of [`versioning`].
pub(crate) fn versioning_number(versioning: Versioning) -> i64 {
    match versioning {
        Versioning::Never => 0,
        Versioning::Enabled => 1,
        Versioning::Suspended => 2,
    }
}

/// The object lock of a bucket in four columns from `first`: whether it is on, mode, days, years.
pub(crate) fn object_lock(row: &Row, first: usize) -> Result<Option<ObjectLock>> {
    if !row.flag(first)? {
        return Ok(None);
    }
    let Some(mode) = mode(row, first + 1)? else { return Ok(Some(ObjectLock { default: None })) };
    let days = row.number_if_any(first + 2)?.map(RetentionPeriod::Days);
    let years = row.number_if_any(first + 3)?.map(RetentionPeriod::Years);
    let period = days.or(years).ok_or_else(|| MetadataError::Damaged("a retention without a period".to_owned()))?;
    Ok(Some(ObjectLock { default: Some(DefaultRetention { mode, period }) }))
}

/// The values of mode, days and years.
pub(crate) fn default_retention(default: Option<DefaultRetention>) -> [Value; 3] {
    let Some(DefaultRetention { mode, period }) = default else { return [Value::NoInt, Value::NoInt, Value::NoInt] };
    match period {
        RetentionPeriod::Days(days) => [mode_number(mode), days.into(), Value::NoInt],
        RetentionPeriod::Years(years) => [mode_number(mode), Value::NoInt, years.into()],
    }
}

/// What keeps a version, in three columns from `first`: mode, end, legal hold.
pub(crate) fn version_lock(row: &Row, first: usize) -> Result<VersionLock> {
    let retention = match (mode(row, first)?, row.number_if_any(first + 1)?) {
        (Some(mode), Some(until)) => Some(Retention { mode, until: Timestamp(until) }),
        (None, None) => None,
        _ => return Err(MetadataError::Damaged("half a retention".to_owned())),
    };
    Ok(VersionLock { retention, legal_hold: row.flag_if_any(first + 2)? })
}

/// The values of these columns.
pub(crate) fn version_lock_values(lock: VersionLock) -> [Value; 3] {
    let hold = lock.legal_hold.map_or(Value::NoBool, Value::Bool);
    match lock.retention {
        Some(Retention { mode, until }) => [mode_number(mode), until.0.into(), hold],
        None => [Value::NoInt, Value::NoInt, hold],
    }
}

fn mode(row: &Row, column: usize) -> Result<Option<RetentionMode>> {
    match row.number_if_any::<i64>(column)? {
        None => Ok(None),
        Some(1) => Ok(Some(RetentionMode::Governance)),
        Some(2) => Ok(Some(RetentionMode::Compliance)),
        Some(other) => Err(MetadataError::Damaged(format!("a retention mode {other}"))),
    }
}

fn mode_number(mode: RetentionMode) -> Value {
    Value::Int(match mode {
        RetentionMode::Governance => 1,
        RetentionMode::Compliance => 2,
    })
}
