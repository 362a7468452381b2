//! Who sent a request, and what else its verification finds out.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::s3::auth::caller::Caller;
use crate::s3::auth::payload::Payload;
use crate::s3::auth::signature::Signature;
use crate::s3::auth::v4::query;

/// Who sent a request.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The request carried no credentials at all.
    Anonymous,
    /// The request was signed with this access key.
    Known(Arc<Caller>),
}

/// A verified request.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who sent it.
    pub identity: Identity,
    /// What its body must prove.
    pub payload: Payload,
    /// What it was signed with; none for a request without credentials.
    pub signature: Option<Signature>,
    /// `x-amz-*` headers that a presigned URL carries as query parameters, all signed.
    pub hoisted: Vec<(HeaderName, HeaderValue)>,
}

impl Verified {
    /// Puts the hoisted headers where they belong, so that everything after reads headers only. A header that the
    /// request really has wins, for it is signed; but for conditions, which need not be: there the URL wins.
    pub fn unhoist(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.hoisted {
            if query::is_condition(name.as_str()) || !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
}
