//! The XML of access lists.

use crate::domain::{AccessList, Grant, Grantee};
use crate::s3::authz::access::Owner;
use crate::s3::authz::acl::grantee::{ACCOUNT_ID, GROUPS, RIGHTS, account, group};
use crate::s3::documents::listing::write_owner;
use crate::s3::documents::xml::{Element, XmlWriter, parse};
use crate::s3::error::{Code, S3Error};

/// Reads an `AccessControlPolicy`: the id of the owner it names, and the list.
///
/// # Errors
/// `MalformedACLError` for what is none; `InvalidArgument` and `UnresolvableGrantByEmailAddress` for grantees who are
/// none.
pub fn read(body: &[u8]) -> Result<(String, AccessList), S3Error> {
    let malformed = || S3Error::from(Code::MalformedACLError);
    let root = parse(body, "AccessControlPolicy").map_err(|_| malformed())?;
    let owner = root.child("Owner").and_then(|owner| owner.text_of("ID")).ok_or_else(malformed)?.trim().to_owned();
    let lines = root.child("AccessControlList").ok_or_else(malformed)?;
    if lines.children.len() > AccessList::GRANTS_MAX || lines.children.iter().any(|line| line.name != "Grant") {
        return Err(malformed());
    }
    let grants = lines.all("Grant").map(read_grant).collect::<Result<_, _>>()?;
    account(&owner, ACCOUNT_ID)?;
    Ok((owner, AccessList { grants }))
}

/// The kind of a grantee follows from its elements: clients disagree on the `xsi:type` attribute.
fn read_grant(line: &Element) -> Result<Grant, S3Error> {
    let malformed = || S3Error::from(Code::MalformedACLError);
    let grantee = line.child("Grantee").ok_or_else(malformed)?;
    let to = match (grantee.text_of("ID"), grantee.text_of("URI"), grantee.text_of("EmailAddress")) {
        (Some(id), None, None) => account(id, ACCOUNT_ID)?,
        (None, Some(uri), None) => group(uri, "Group/URI")?,
        (None, None, Some(address)) => {
            return Err(S3Error::new(Code::UnresolvableGrantByEmailAddress).field("emailAddress", address));
        }
        _ => return Err(malformed()),
    };
    let word = line.text_of("Permission").ok_or_else(malformed)?.trim();
    let (_, right) = RIGHTS.iter().find(|(name, _)| *name == word).ok_or_else(malformed)?;
    Ok(Grant { to, right: *right })
}

/// Writes an `AccessControlPolicy`. `names` has the display names of the accounts on the list, in the order of its lines.
#[must_use]
pub fn write(owner: &Owner, list: &AccessList, names: &[Option<String>]) -> String {
    let mut writer = XmlWriter::document("AccessControlPolicy", 1_024);
    write_owner(&mut writer, "Owner", owner);
    writer.open("AccessControlList");
    let is_group = |grant: &Grant| !matches!(grant.to, Grantee::Account(_));
    let mut lines: Vec<_> = list.grants.iter().zip(names).collect();
    if owner.name.is_some() {
        // Clients that compare the names expect the groups, which have none, first.
        lines.sort_by_key(|(grant, _)| !is_group(grant));
    }
    for (grant, name) in lines {
        write_grant(&mut writer, grant, name.as_deref());
    }
    writer.close("AccessControlList");
    writer.end("AccessControlPolicy")
}

fn write_grant(writer: &mut XmlWriter, grant: &Grant, name: Option<&str>) {
    writer.open("Grant");
    let kind = if matches!(grant.to, Grantee::Account(_)) { "CanonicalUser" } else { "Group" };
    writer.raw("<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"").raw(kind).raw("\">");
    match &grant.to {
        Grantee::Account(id) => writer.text("ID", id).maybe("DisplayName", name),
        other => {
            let uri = GROUPS.iter().find(|(_, group)| group == other).map(|(uri, _)| *uri);
            writer.maybe("URI", uri)
        }
    };
    writer.raw("</Grantee>");
    let right = RIGHTS.iter().find(|(_, right)| *right == grant.right).map(|(name, _)| *name);
    writer.maybe("Permission", right).close("Grant");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CanonicalId, Right};

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let (anna, bert) = ("a".repeat(64), "b".repeat(64));
        let grants = vec![
            Grant { to: Grantee::Everybody, right: Right::Read },
            Grant { to: Grantee::LogDelivery, right: Right::Write },
            Grant { to: Grantee::Account(anna.clone()), right: Right::FullControl },
            Grant { to: Grantee::Account(bert), right: Right::ReadAcp },
        ];
        let list = AccessList { grants };
        let owner = Owner { id: CanonicalId(anna.clone()), name: Some("a&b".to_owned()) };
        let names = [None, None, Some("a&b".to_owned()), None];
        let text = write(&owner, &list, &names);
        assert!(text.contains("xsi:type=\"Group\"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>"));
        assert!(text.contains("<DisplayName>a&amp;b</DisplayName></Grantee><Permission>FULL_CONTROL</Permission>"));
        assert_eq!(read(text.as_bytes()).unwrap(), (anna, list));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let with = |inside: &str| {
            let text = format!("<AccessControlPolicy>{inside}</AccessControlPolicy>");
            read(text.as_bytes()).map(|(_, list)| list.grants.len()).map_err(|error| error.code)
        };
        let owner = format!("<Owner><ID>{}</ID></Owner>", "b".repeat(64));
        let grant = |grantee: &str, right: &str| {
            with(&format!(
                "{owner}<AccessControlList><Grant><Grantee>{grantee}</Grantee>\
                 <Permission>{right}</Permission></Grant></AccessControlList>"
            ))
        };
        let id = format!("<ID>{}</ID>", "a".repeat(64));
        assert_eq!(with(&format!("{owner}<AccessControlList/>")), Ok(0));
        assert_eq!(with("<Owner><ID>x</ID></Owner><AccessControlList/>"), Err(Code::InvalidArgument));
        assert_eq!(grant(&id, "READ"), Ok(1));
        assert_eq!(grant(&id, "FLY"), Err(Code::MalformedACLError));
        assert_eq!(grant("<ID>_foo</ID>", "READ"), Err(Code::InvalidArgument));
        assert_eq!(grant("<URI>x</URI>", "READ"), Err(Code::InvalidArgument));
        assert_eq!(grant("<EmailAddress>x</EmailAddress>", "READ"), Err(Code::UnresolvableGrantByEmailAddress));
        assert_eq!(grant("", "READ"), Err(Code::MalformedACLError));
        assert_eq!(with("<AccessControlList/>"), Err(Code::MalformedACLError));
        assert_eq!(with("<Owner><ID>x</ID></Owner>"), Err(Code::MalformedACLError));
        assert_eq!(
            with("<Owner><ID>x</ID></Owner><AccessControlList><X/></AccessControlList>"),
            Err(Code::MalformedACLError)
        );
    }
}
