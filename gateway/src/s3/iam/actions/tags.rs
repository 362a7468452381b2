//! Tags of users and roles.

use crate::domain::IdentityKind;
use crate::metadata::{IdentityEdit, UpdateIdentity};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam};
use crate::s3::iam::args::Args;
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

/// The most tags of a user, role or policy.
pub const TAGS_MAX: usize = 50;

/// The kinds with the names of their three actions.
const NAMES: [(IdentityKind, [&str; 3]); 2] = [
    (IdentityKind::User, ["TagUser", "UntagUser", "ListUserTags"]),
    (IdentityKind::Role, ["TagRole", "UntagRole", "ListRoleTags"]),
];
const PARAMETERS: &[&str] = &["UserName", "RoleName", "Tags", "TagKeys", "Marker", "MaxItems"];

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let of = |(kind, [tag_name, untag_name, list_name]): (IdentityKind, [&'static str; 3])| {
        let resource = ActionResource::IamIdentity(kind);
        [
            iam(tag_name, resource, PARAMETERS, move |request| tag(request, kind)),
            iam(untag_name, resource, PARAMETERS, move |request| untag(request, kind)),
            iam(list_name, resource, PARAMETERS, move |request| std::future::ready(list(&request, kind))),
        ]
    };
    NAMES.into_iter().flat_map(of).collect()
}

/// The tags a request brings.
///
/// # Errors
/// `ValidationError`, `InvalidInput` for a key that occurs twice.
pub fn read_tags(args: &Args, most: usize) -> Result<Vec<(String, String)>, IamError> {
    let keys = args.list("Tags", ".Key");
    let mut tags = Vec::with_capacity(keys.len());
    for (index, key) in keys.into_iter().enumerate() {
        let value = args.get(&format!("Tags.member.{}.Value", index + 1)).unwrap_or_default();
        let allowed = |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
        if key.is_empty() || key.chars().count() > 128 || !key.chars().all(allowed) {
            return Err(IamError::invalid("Tags", "must have keys of 1 to 128 letters, digits, spaces and _.:/=+-@"));
        }
        if value.chars().count() > 256 || !value.chars().all(allowed) {
            return Err(IamError::invalid(
                "Tags",
                "must have values of at most 256 letters, digits, spaces and _.:/=+-@",
            ));
        }
        if tags.iter().any(|(known, _): &(String, String)| known.eq_ignore_ascii_case(key)) {
            return Err(IamError::input("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    if tags.len() > most {
        return Err(IamError::invalid("Tags", format!("must have length less than or equal to {most}")));
    }
    if tags.is_empty() && args.has("Tags") {
        return Err(IamError::validation("Tags must be given as Tags.member.N.Key and Tags.member.N.Value"));
    }
    tags.sort();
    Ok(tags)
}

async fn tag(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let tags = read_tags(&request.args, TAGS_MAX)?;
    if tags.is_empty() {
        return Err(IamError::invalid("Tags", "must not be null"));
    }
    change(&request, kind, IdentityEdit::Tag(tags, TAGS_MAX)).await
}

async fn untag(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let keys: Vec<_> = request.args.list("TagKeys", "").into_iter().map(str::to_owned).collect();
    if keys.is_empty() {
        return Err(IamError::invalid("TagKeys", "must not be null"));
    }
    change(&request, kind, IdentityEdit::Untag(keys)).await
}

async fn change(request: &ActionRequest, kind: IdentityKind, edit: IdentityEdit) -> Result<XmlWriter, IamError> {
    let identity = request.identity(kind)?;
    match request.state.metadata.update_identity(identity.id, edit).await? {
        UpdateIdentity::Changed(_) => Ok(XmlWriter::fragment()),
        UpdateIdentity::TooManyTags => Err(IamError::limit("TagsPerHolder", TAGS_MAX)),
        UpdateIdentity::NameTaken | UpdateIdentity::NoSuchIdentity => {
            Err(IamError::missing(kind.word(), identity.name.as_str()))
        }
    }
}

fn list(request: &ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let (identity, page) = (request.identity(kind)?, Page::of(&request.args)?);
    let mut tags = identity.details.tags.clone();
    tags.retain(|(key, _)| *key > page.after);
    Ok(page.write("Tags", &tags, |(key, _)| key.clone(), show::tag))
}
