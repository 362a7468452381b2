//! Permissions, named as policies name them.

/// What a request needs to be allowed: the name a policy's `Action` would use, such as `s3:GetObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);
