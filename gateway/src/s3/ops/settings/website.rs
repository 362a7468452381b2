//! `PutBucketWebsite`, `GetBucketWebsite`, `DeleteBucketWebsite`.

use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::route::Row;
use crate::web::{Destination, Protocol, RedirectAll, RoutingCondition, RoutingRule, WebsiteConfiguration};

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 1_024;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    configuration::rows::<WebsiteConfiguration>(
        ["PutBucketWebsite", "GetBucketWebsite", "DeleteBucketWebsite"],
        ["s3:PutBucketWebsite", "s3:GetBucketWebsite", "s3:DeleteBucketWebsite"],
    )
}

impl Configuration for WebsiteConfiguration {
    const ROOT: &'static str = "WebsiteConfiguration";
    const PARAMETER: &'static str = "website";
    const MISSING: Code = Code::NoSuchWebsiteConfiguration;
    const INTEGRITY: Integrity = Integrity::Optional;

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules"])?;
        let redirect_all = root.child("RedirectAllRequestsTo").map(read_redirect_all).transpose()?;
        if redirect_all.is_some() {
            if root.children.len() > 1 {
                let message = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
                return Err(argument(message, "RedirectAllRequestsTo", "not null"));
            }
            return Ok(Self { redirect_all, ..Self::default() });
        }
        let index = root.child("IndexDocument").ok_or_else(|| {
            argument(
                "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
                "IndexDocument",
                "null",
            )
        })?;
        only(index, &["Suffix"])?;
        let rules = match root.child("RoutingRules") {
            Some(list) => read_rules(list)?,
            None => Vec::new(),
        };
        let error = root.child("ErrorDocument").map(read_error_document).transpose()?;
        Ok(Self { redirect_all: None, index: Some(read_suffix(index)?), error, rules })
    }

    fn write(&self, writer: &mut XmlWriter) {
        if let Some(all) = &self.redirect_all {
            writer.open("RedirectAllRequestsTo").text("HostName", &all.host);
            writer.maybe("Protocol", all.protocol.map(Protocol::name)).close("RedirectAllRequestsTo");
        }
        if let Some(suffix) = &self.index {
            writer.open("IndexDocument").text("Suffix", suffix).close("IndexDocument");
        }
        if let Some(key) = &self.error {
            writer.open("ErrorDocument").text("Key", key).close("ErrorDocument");
        }
        if !self.rules.is_empty() {
            writer.open("RoutingRules");
            self.rules.iter().for_each(|rule| write_rule(rule, writer));
            writer.close("RoutingRules");
        }
    }
}

fn wrong(why: impl Into<String>) -> S3Error {
    S3Error::with(Code::InvalidRequest, why.into())
}

fn argument(why: &'static str, name: &str, value: &str) -> S3Error {
    S3Error::argument(why, name, value)
}

fn malformed() -> S3Error {
    Code::MalformedXML.into()
}

fn read_suffix(index: &Element) -> Result<String, S3Error> {
    let suffix = optional(index, "Suffix")?.ok_or_else(malformed)?;
    if suffix.is_empty() || suffix.contains('/') || suffix.len() > KEY_BYTES_MAX {
        return Err(argument("The IndexDocument Suffix is not well formed", "IndexDocument", &suffix));
    }
    Ok(suffix)
}

fn read_error_document(element: &Element) -> Result<String, S3Error> {
    only(element, &["Key"])?;
    let key = optional(element, "Key")?.ok_or_else(malformed)?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(argument("The ErrorDocument Key is not well formed", "ErrorDocument", &key));
    }
    Ok(key)
}

fn read_redirect_all(element: &Element) -> Result<RedirectAll, S3Error> {
    only(element, &["HostName", "Protocol"])?;
    let host = optional(element, "HostName")?.ok_or_else(malformed)?;
    Ok(RedirectAll { host: check_host(host)?, protocol: read_protocol(element)? })
}

/// A host goes into `Location` as it is, so it must be one.
fn check_host(host: String) -> Result<String, S3Error> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"-._~:[]/%".contains(&b);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(letter) {
        return Err(wrong("Provided HostName value not allowed."));
    }
    Ok(host)
}

fn read_protocol(element: &Element) -> Result<Option<Protocol>, S3Error> {
    match optional(element, "Protocol")?.as_deref() {
        None | Some("") => Ok(None),
        Some("http") => Ok(Some(Protocol::Http)),
        Some("https") => Ok(Some(Protocol::Https)),
        Some(_) => Err(wrong(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
        )),
    }
}

fn read_rules(list: &Element) -> Result<Vec<RoutingRule>, S3Error> {
    only(list, &["RoutingRule"])?;
    if list.children.is_empty() {
        return Err(malformed());
    }
    if list.children.len() > WebsiteConfiguration::RULES_MAX {
        let count = list.children.len();
        return Err(wrong(format!(
            "{count} routing rules provided, the number of routing rules in a website configuration is limited to 50."
        )));
    }
    list.children.iter().map(read_rule).collect()
}

fn read_rule(element: &Element) -> Result<RoutingRule, S3Error> {
    only(element, &["Condition", "Redirect"])?;
    let condition = element.child("Condition").map(read_condition).transpose()?;
    let redirect = read_destination(element.child("Redirect").ok_or_else(malformed)?)?;
    Ok(RoutingRule { condition, redirect })
}

fn read_condition(element: &Element) -> Result<RoutingCondition, S3Error> {
    only(element, &["KeyPrefixEquals", "HttpErrorCodeReturnedEquals"])?;
    let key_prefix = optional(element, "KeyPrefixEquals")?;
    let error_code = optional(element, "HttpErrorCodeReturnedEquals")?;
    if key_prefix.is_none() && error_code.is_none() {
        return Err(wrong(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
        ));
    }
    let code = |text: String| {
        let code = text.trim().parse().ok().filter(|code| (400..600).contains(code));
        code.ok_or_else(|| {
            wrong(format!("The provided HTTP error code ({text}) is not valid. Valid codes are 4XX or 5XX."))
        })
    };
    Ok(RoutingCondition { key_prefix, error_code: error_code.map(code).transpose()? })
}

fn read_destination(element: &Element) -> Result<Destination, S3Error> {
    only(element, &["Protocol", "HostName", "ReplaceKeyPrefixWith", "ReplaceKeyWith", "HttpRedirectCode"])?;
    if element.children.is_empty() {
        return Err(malformed());
    }
    let code = |text: String| {
        let code = text.trim().parse().ok().filter(|code| (301..309).contains(code) && *code != 304 && *code != 306);
        code.ok_or_else(|| {
            wrong(format!("The provided HTTP redirect code ({text}) is not valid. Valid codes are 3XX except 300."))
        })
    };
    let destination = Destination {
        protocol: read_protocol(element)?,
        host: optional(element, "HostName")?.map(check_host).transpose()?,
        key_prefix: optional(element, "ReplaceKeyPrefixWith")?,
        key: optional(element, "ReplaceKeyWith")?,
        status: optional(element, "HttpRedirectCode")?.map(code).transpose()?,
    };
    if destination.key.is_some() && destination.key_prefix.is_some() {
        return Err(wrong("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
    }
    Ok(destination)
}

fn write_rule(rule: &RoutingRule, writer: &mut XmlWriter) {
    writer.open("RoutingRule");
    if let Some(condition) = &rule.condition {
        writer.open("Condition").maybe("KeyPrefixEquals", condition.key_prefix.as_deref());
        if let Some(code) = condition.error_code {
            writer.plain("HttpErrorCodeReturnedEquals", code);
        }
        writer.close("Condition");
    }
    let to = &rule.redirect;
    writer.open("Redirect").maybe("Protocol", to.protocol.map(Protocol::name)).maybe("HostName", to.host.as_deref());
    writer.maybe("ReplaceKeyPrefixWith", to.key_prefix.as_deref()).maybe("ReplaceKeyWith", to.key.as_deref());
    if let Some(status) = to.status {
        writer.plain("HttpRedirectCode", status);
    }
    writer.close("Redirect").close("RoutingRule");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    fn read(inside: &str) -> Result<WebsiteConfiguration, S3Error> {
        let text = format!("<WebsiteConfiguration>{inside}</WebsiteConfiguration>");
        WebsiteConfiguration::read(&parse(text.as_bytes(), WebsiteConfiguration::ROOT).unwrap())
    }

    const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";

    #[test]
    fn what_is_put_is_shown() {
        let rules = "<RoutingRules>\
            <RoutingRule><Condition><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition>\
            <Redirect><ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
            <RoutingRule><Condition><KeyPrefixEquals>a&amp;b</KeyPrefixEquals>\
            <HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>\
            <Redirect><Protocol>https</Protocol><HostName>example.org</HostName><ReplaceKeyWith>x</ReplaceKeyWith>\
            <HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>\
            <RoutingRule><Redirect><HostName>example.org</HostName></Redirect></RoutingRule></RoutingRules>";
        for inside in [
            INDEX.to_owned(),
            format!("{INDEX}<ErrorDocument><Key>errors/404.html</Key></ErrorDocument>{rules}"),
            "<RedirectAllRequestsTo><HostName>example.org:8443</HostName><Protocol>https</Protocol>\
             </RedirectAllRequestsTo>"
                .to_owned(),
        ] {
            let mut writer = XmlWriter::fragment();
            read(&inside).unwrap().write(&mut writer);
            assert_eq!(writer.finish(), inside);
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let rule = |condition: &str, redirect: &str| {
            format!(
                "{INDEX}<RoutingRules><RoutingRule>{condition}<Redirect>{redirect}</Redirect></RoutingRule></RoutingRules>"
            )
        };
        let host = "<HostName>h</HostName>";
        let many = format!("<RoutingRule><Redirect>{host}</Redirect></RoutingRule>").repeat(51);
        for (inside, code) in [
            (String::new(), Code::InvalidArgument),
            ("<ErrorDocument><Key>e</Key></ErrorDocument>".to_owned(), Code::InvalidArgument),
            ("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>".to_owned(), Code::InvalidArgument),
            ("<IndexDocument><Suffix/></IndexDocument>".to_owned(), Code::InvalidArgument),
            (format!("{INDEX}<ErrorDocument><Key/></ErrorDocument>"), Code::InvalidArgument),
            (format!("{INDEX}<RedirectAllRequestsTo>{host}</RedirectAllRequestsTo>"), Code::InvalidArgument),
            ("<RedirectAllRequestsTo/>".to_owned(), Code::MalformedXML),
            (
                "<RedirectAllRequestsTo><HostName>a\r\nb</HostName></RedirectAllRequestsTo>".to_owned(),
                Code::InvalidRequest,
            ),
            (format!("{INDEX}<Other/>"), Code::MalformedXML),
            (format!("{INDEX}<RoutingRules/>"), Code::MalformedXML),
            (format!("{INDEX}<RoutingRules>{many}</RoutingRules>"), Code::InvalidRequest),
            (rule("<Condition/>", host), Code::InvalidRequest),
            (rule("", ""), Code::MalformedXML),
            (rule("", "<Protocol>ftp</Protocol>"), Code::InvalidRequest),
            (rule("", "<HttpRedirectCode>200</HttpRedirectCode>"), Code::InvalidRequest),
            (
                rule("", "<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>"),
                Code::InvalidRequest,
            ),
            (
                rule("<Condition><HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals></Condition>", host),
                Code::InvalidRequest,
            ),
        ] {
            assert_eq!(read(&inside).unwrap_err().code, code, "{inside:.200}");
        }
    }
}
