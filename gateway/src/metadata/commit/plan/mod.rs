//! Decides what a transaction changes: facts in, a plan out, nothing else. [`planner`] takes the changes, one file for each verb
//! decides, [`planned`] is what comes out, and [`chain`] is what a key holds meanwhile.

mod amend;
mod append;
mod chain;
mod complete;
mod delete;
mod moves;
mod part;
mod planned;
mod planner;
mod put;
mod quota_check;
mod quota_sums;
mod rename;
mod versions;

#[cfg(test)]
mod tests;

pub(in crate::metadata) use complete::PartSums;
pub(in crate::metadata) use planned::{Flow, LeftBehind, Plan, PlannedVersion, VersionRow};
pub(in crate::metadata) use planner::Planner;
