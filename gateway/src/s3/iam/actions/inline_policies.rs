//! Policies that belong to one user, group or role: put, get, delete, list.

use crate::domain::IdentityKind;
use crate::metadata::PutInlinePolicy;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::iam::action::{Action, ActionRequest, ActionResource, iam, parameter};
use crate::s3::iam::actions::account_policies;
use crate::s3::iam::documents::check_identity;
use crate::s3::iam::error::IamError;
use crate::s3::iam::page::Page;
use crate::s3::iam::show;

/// The kinds with the names of their four actions.
const NAMES: [(IdentityKind, [&str; 4]); 3] = [
    (IdentityKind::User, ["PutUserPolicy", "GetUserPolicy", "DeleteUserPolicy", "ListUserPolicies"]),
    (IdentityKind::Group, ["PutGroupPolicy", "GetGroupPolicy", "DeleteGroupPolicy", "ListGroupPolicies"]),
    (IdentityKind::Role, ["PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "ListRolePolicies"]),
];
const PARAMETERS: &[&str] =
    &["UserName", "GroupName", "RoleName", "PolicyName", "PolicyDocument", "Marker", "MaxItems"];

/// The actions of this group.
pub fn actions() -> Vec<Action> {
    let of = |(kind, [put_name, get_name, delete_name, list_name]): (IdentityKind, [&'static str; 4])| {
        let resource = ActionResource::IamIdentity(kind);
        [
            iam(put_name, resource, PARAMETERS, move |request| put(request, kind)),
            iam(get_name, resource, PARAMETERS, move |request| get(request, kind)),
            iam(delete_name, resource, PARAMETERS, move |request| delete(request, kind)),
            iam(list_name, resource, PARAMETERS, move |request| list(request, kind)),
        ]
    };
    NAMES.into_iter().flat_map(of).collect()
}

async fn put(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    let (name, document) = (request.args.policy_name()?, request.args.need("PolicyDocument")?);
    if let Some(account) = account_policies::account(&request, kind).await? {
        return account_policies::put(&request, &account).await;
    }
    let most = kind.inline_letters_max();
    check_identity(document, most)?;
    let identity = request.identity(kind)?;
    match request.state.metadata.put_inline_policy(identity.id, name.as_str(), document, most).await? {
        PutInlinePolicy::Put => Ok(XmlWriter::fragment()),
        PutInlinePolicy::NoSuchIdentity => Err(IamError::missing(kind.word(), identity.name.as_str())),
        PutInlinePolicy::TooLong => {
            let what = format!("Maximum policy size of {most} bytes exceeded for {} {}", kind.word(), identity.name);
            Err(IamError::limit(&what, most))
        }
    }
}

fn missing(name: &str, kind: IdentityKind) -> IamError {
    IamError::no_such(format!("The {} policy with name {name} cannot be found.", kind.word()))
}

async fn get(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&request, kind).await? {
        return account_policies::get(&request, &account).await;
    }
    let (identity, name) = (request.identity(kind)?, request.args.policy_name()?);
    let found = request.state.metadata.inline_policy(identity.id, name.as_str()).await?;
    let document = found.ok_or_else(|| missing(name.as_str(), kind))?;
    let mut writer = XmlWriter::fragment();
    writer.text(parameter(kind), identity.name.as_str()).text("PolicyName", name.as_str());
    show::document(&mut writer, "PolicyDocument", &document);
    Ok(writer)
}

async fn delete(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&request, kind).await? {
        return account_policies::delete(&request, &account).await;
    }
    let (identity, name) = (request.identity(kind)?, request.args.policy_name()?);
    let gone = request.state.metadata.delete_inline_policy(identity.id, name.as_str()).await?;
    if gone { Ok(XmlWriter::fragment()) } else { Err(missing(name.as_str(), kind)) }
}

async fn list(request: ActionRequest, kind: IdentityKind) -> Result<XmlWriter, IamError> {
    if let Some(account) = account_policies::account(&request, kind).await? {
        return account_policies::list(&request, &account).await;
    }
    let (identity, page) = (request.identity(kind)?, Page::of(&request.args)?);
    let names = request.state.metadata.inline_policies(identity.id, &page.after, page.fetch_limit()).await?;
    let write = |writer: &mut XmlWriter, name: &String| {
        writer.content(name);
    };
    Ok(page.write("PolicyNames", &names, Clone::clone, write))
}
