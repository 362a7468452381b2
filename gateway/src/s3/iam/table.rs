//! The table of actions.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::s3::iam::action::Action;
use crate::s3::iam::actions::{
    attached_policies, groups, inline_policies, keys, policies, policy_versions, roles, sessions, summary, tags, users,
};

/// All actions by name.
pub static ACTIONS: LazyLock<HashMap<&'static str, Action>> = LazyLock::new(|| {
    let groups = [
        users::actions(),
        keys::actions(),
        groups::actions(),
        roles::actions(),
        inline_policies::actions(),
        attached_policies::actions(),
        policies::actions(),
        policy_versions::actions(),
        tags::actions(),
        summary::actions(),
        sessions::actions(),
    ];
    groups.into_iter().flatten().map(|action| (action.name, action)).collect()
});
