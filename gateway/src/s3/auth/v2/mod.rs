//! Signatures of version 2, which old SDKs still make for presigned URLs and forms.

pub(crate) mod resource;
pub(crate) mod verify;
