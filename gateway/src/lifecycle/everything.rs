//! The rules of a bucket whose content an operator gave up.

use crate::lifecycle::rule::{Configuration, Expiration, Filter, MinimumSize, NoncurrentExpiration, Rule, Scope};
use crate::lifecycle::when::When;

/// Everything expires, versions that are not current go, markers go when nothing is left behind them, and uploads are aborted. Locks hold
/// as for any rule.
#[must_use]
pub fn everything_goes() -> Configuration {
    let rule = |id: &str, expiration| Rule {
        id: id.to_owned(),
        enabled: true,
        scope: Scope::Filter(Filter::Everything),
        expiration: Some(expiration),
        noncurrent_expiration: None,
        transitions: Vec::new(),
        noncurrent_transitions: Vec::new(),
        abort_days: None,
    };
    let content = Rule {
        noncurrent_expiration: Some(NoncurrentExpiration { days: 0, newer: None }),
        abort_days: Some(0),
        ..rule("content", Expiration::At(When::Date(0)))
    };
    let markers = rule("markers", Expiration::LoneMarkers(true));
    Configuration { rules: vec![content, markers], minimum_size: MinimumSize::default() }
}
