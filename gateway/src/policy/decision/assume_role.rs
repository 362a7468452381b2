//! Who may assume a role, and who is denied what needs no permission.

use crate::domain::UserId;
use crate::policy::decision::decide::{CallerPolicies, Decision, decide};
use crate::policy::decision::evaluate::{AuthorizationRequest, Evaluation};
use crate::policy::document::policy_document::Document;

/// Whether any policy of the caller denies the request: the caller's own, the account's, a boundary, a session's. The root user
/// of the gateway is denied nothing.
#[must_use]
pub fn is_denied(request: &AuthorizationRequest<'_>) -> bool {
    request.caller.is_some_and(|caller| !caller.operator && CallerPolicies::of(caller, request).denied)
}

/// Whether the caller may assume a role of this account with this trust policy. A Deny in any policy is the last word. A
/// caller of the role's own account that the trust policy names needs nothing else; who is trusted by way of the account, or comes
/// from another one, must be allowed it there, too.
#[must_use]
pub fn may_assume_role(request: &AuthorizationRequest<'_>, trust: &Document, account: UserId) -> bool {
    let Some(caller) = request.caller.filter(|_| !is_denied(request)) else { return false };
    match trust.evaluate(request) {
        Evaluation::Allow if caller.account == account && caller.session_policies.is_empty() => true,
        Evaluation::Allow | Evaluation::AllowAccount => decide(request, None, None) == Decision::Allow,
        Evaluation::Deny | Evaluation::NotApplicable => false,
    }
}
