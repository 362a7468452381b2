//! Users, groups, roles and policies as XML.

use crate::domain::{IamIdentity, IdentityKind, ManagedPolicy, ROLE_SESSION_SECONDS_DEFAULT};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::uri;

/// Inside a `<User>`, `<Group>` or `<Role>`. Lists leave the tags out.
pub fn identity(writer: &mut XmlWriter, identity: &IamIdentity, with_tags: bool) {
    let (name, id) = match identity.kind {
        IdentityKind::User => ("UserName", "UserId"),
        IdentityKind::Group => ("GroupName", "GroupId"),
        IdentityKind::Role => ("RoleName", "RoleId"),
    };
    writer.text("Path", identity.path.as_str()).text(name, identity.name.as_str()).text(id, &identity.unique_id);
    writer.text("Arn", &identity.arn()).plain("CreateDate", xml_time(identity.created_at));
    if identity.kind == IdentityKind::Role {
        document(writer, "AssumeRolePolicyDocument", identity.details.trust.as_deref().unwrap_or_default());
        writer.maybe("Description", identity.details.description.as_deref());
        let longest = identity.details.session_seconds_max.unwrap_or(ROLE_SESSION_SECONDS_DEFAULT);
        writer.plain("MaxSessionDuration", longest);
    }
    if with_tags && !identity.details.tags.is_empty() {
        tags(writer, &identity.details.tags);
    }
}

/// `<Tags>`.
pub fn tags(writer: &mut XmlWriter, tags: &[(String, String)]) {
    writer.open("Tags");
    for pair in tags {
        writer.open("member");
        tag(writer, pair);
        writer.close("member");
    }
    writer.close("Tags");
}

/// Inside a tag.
pub fn tag(writer: &mut XmlWriter, (key, value): &(String, String)) {
    writer.text("Key", key).text("Value", value);
}

/// A policy document: percent-encoded, as IAM has it.
pub fn document(writer: &mut XmlWriter, name: &str, text: &str) {
    writer.with(name, |out| uri::encode_query(text.as_bytes(), out));
}

/// Inside a `<Policy>`.
pub fn policy(writer: &mut XmlWriter, policy: &ManagedPolicy) {
    writer.text("PolicyName", policy.name.as_str()).text("PolicyId", &policy.unique_id).text("Arn", &policy.arn);
    writer.text("Path", policy.path.as_str()).text("DefaultVersionId", &format!("v{}", policy.default_version));
    writer.plain("AttachmentCount", policy.attachments).plain("PermissionsBoundaryUsageCount", 0);
    writer.plain("IsAttachable", true).maybe("Description", policy.details.description.as_deref());
    writer.plain("CreateDate", xml_time(policy.created_at)).plain("UpdateDate", xml_time(policy.updated_at));
    if !policy.details.tags.is_empty() {
        tags(writer, &policy.details.tags);
    }
}
