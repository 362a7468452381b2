//! `PutBucketCors`, `GetBucketCors`, `DeleteBucketCors`.

use crate::s3::documents::xml::{Element, XmlWriter, only, optional, texts};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::route::Row;
use crate::web::{CorsConfiguration, CorsRule, METHODS};

/// The longest name of a rule, in characters.
const ID_MAX: usize = 255;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    configuration::rows::<CorsConfiguration>(
        ["PutBucketCors", "GetBucketCors", "DeleteBucketCors"],
        ["s3:PutBucketCORS", "s3:GetBucketCORS", "s3:PutBucketCORS"],
    )
}

impl Configuration for CorsConfiguration {
    const ROOT: &'static str = "CORSConfiguration";
    const PARAMETER: &'static str = "cors";
    const MISSING: Code = Code::NoSuchCORSConfiguration;

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["CORSRule"])?;
        if root.children.is_empty() {
            return Err(Code::MalformedXML.into());
        }
        if root.children.len() > Self::RULES_MAX {
            return Err(invalid("The number of CORS rules should not exceed allowed limit of 100 rules."));
        }
        Ok(Self { rules: root.children.iter().map(read_rule).collect::<Result<_, _>>()? })
    }

    fn write(&self, writer: &mut XmlWriter) {
        for rule in &self.rules {
            write_rule(rule, writer);
        }
    }
}

fn invalid(why: impl Into<String>) -> S3Error {
    S3Error::with(Code::InvalidRequest, why.into())
}

fn read_rule(element: &Element) -> Result<CorsRule, S3Error> {
    only(element, &["ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds"])?;
    let age = |text: String| text.trim().parse().map_err(|_| S3Error::from(Code::MalformedXML));
    let rule = CorsRule {
        id: optional(element, "ID")?,
        origins: texts(element, "AllowedOrigin"),
        methods: texts(element, "AllowedMethod"),
        headers: texts(element, "AllowedHeader"),
        exposed: texts(element, "ExposeHeader"),
        max_age_seconds: optional(element, "MaxAgeSeconds")?.map(age).transpose()?,
    };
    check_rule(&rule)?;
    Ok(rule)
}

fn check_rule(rule: &CorsRule) -> Result<(), S3Error> {
    if rule.origins.is_empty() || rule.methods.is_empty() || rule.id.as_ref().is_some_and(|id| id.len() > ID_MAX) {
        return Err(Code::MalformedXML.into());
    }
    if let Some(method) = rule.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        return Err(invalid(format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}")));
    }
    let many = |pattern: &&String| pattern.matches('*').count() > 1;
    if let Some(origin) = rule.origins.iter().find(many) {
        return Err(invalid(format!("AllowedOrigin \"{origin}\" can not have more than one wildcard.")));
    }
    if let Some(header) = rule.headers.iter().find(many) {
        return Err(invalid(format!("AllowedHeader \"{header}\" can not have more than one wildcard.")));
    }
    let name = |header: &String| header.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!#$%&'+^`|~".contains(&b));
    match rule.exposed.iter().find(|header| header.is_empty() || !name(header)) {
        Some(header) if header.contains('*') => Err(invalid(format!(
            "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        ))),
        Some(header) => Err(invalid(format!("ExposeHeader \"{header}\" contains invalid character."))),
        None => Ok(()),
    }
}

fn write_rule(rule: &CorsRule, writer: &mut XmlWriter) {
    writer.open("CORSRule").maybe("ID", rule.id.as_deref());
    let lists = [
        ("AllowedOrigin", &rule.origins),
        ("AllowedMethod", &rule.methods),
        ("AllowedHeader", &rule.headers),
        ("ExposeHeader", &rule.exposed),
    ];
    for (name, texts) in lists {
        for text in texts {
            writer.text(name, text);
        }
    }
    if let Some(seconds) = rule.max_age_seconds {
        writer.plain("MaxAgeSeconds", seconds);
    }
    writer.close("CORSRule");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    fn read(inside: &str) -> Result<CorsConfiguration, S3Error> {
        let text = format!("<CORSConfiguration>{inside}</CORSConfiguration>");
        CorsConfiguration::read(&parse(text.as_bytes(), CorsConfiguration::ROOT).unwrap())
    }

    const RULE: &str = "<CORSRule><ID>a &amp; b</ID><AllowedOrigin>http://*.x</AllowedOrigin>\
                        <AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
                        <AllowedMethod>PUT</AllowedMethod><AllowedHeader>x-*</AllowedHeader>\
                        <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>";

    #[test]
    fn what_is_put_is_shown() {
        let mut writer = XmlWriter::fragment();
        read(RULE).unwrap().write(&mut writer);
        assert_eq!(writer.finish(), RULE);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let rule = |inside: &str| {
            format!("<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>{inside}</CORSRule>")
        };
        assert!(read(&rule("").repeat(100)).is_ok());
        for (inside, code) in [
            (String::new(), Code::MalformedXML),
            ("<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>".to_owned(), Code::MalformedXML),
            ("<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>".to_owned(), Code::MalformedXML),
            (rule("<AllowedMethod>get</AllowedMethod>"), Code::InvalidRequest),
            (rule("<AllowedMethod>PATCH</AllowedMethod>"), Code::InvalidRequest),
            (rule("<AllowedOrigin>*.x.*</AllowedOrigin>"), Code::InvalidRequest),
            (rule("<AllowedHeader>**</AllowedHeader>"), Code::InvalidRequest),
            (rule("<ExposeHeader>*</ExposeHeader>"), Code::InvalidRequest),
            (rule("<ExposeHeader>a\nb</ExposeHeader>"), Code::InvalidRequest),
            (rule("<MaxAgeSeconds>-1</MaxAgeSeconds>"), Code::MalformedXML),
            (rule("<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>1</MaxAgeSeconds>"), Code::MalformedXML),
            (rule(&format!("<ID>{}</ID>", "x".repeat(256))), Code::MalformedXML),
            (rule("<Other/>"), Code::MalformedXML),
            (rule("").repeat(101), Code::InvalidRequest),
        ] {
            assert_eq!(read(&inside).unwrap_err().code, code, "{inside:.200}");
        }
    }
}
