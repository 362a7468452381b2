//! To XML.

use crate::domain::Timestamp;
use crate::lifecycle::{
    Configuration, Expiration, Filter, NoncurrentExpiration, NoncurrentTransition, Rule, Scope, When,
};
use crate::s3::documents::encoding::xml_time;
use crate::s3::documents::xml::XmlWriter;

/// The document of a configuration.
#[must_use]
pub fn write(configuration: &Configuration) -> String {
    let mut writer = XmlWriter::document("LifecycleConfiguration", configuration.rules.len() * 300);
    for rule in &configuration.rules {
        writer.open("Rule");
        write_rule(rule, &mut writer);
        writer.close("Rule");
    }
    writer.end("LifecycleConfiguration")
}

fn write_rule(rule: &Rule, writer: &mut XmlWriter) {
    writer.text("ID", &rule.id);
    match &rule.scope {
        Scope::Prefix(prefix) => {
            writer.text("Prefix", prefix);
        }
        Scope::Filter(filter) => write_filter(filter, writer),
    }
    writer.text("Status", if rule.enabled { "Enabled" } else { "Disabled" });
    match rule.expiration {
        Some(Expiration::At(when)) => {
            writer.open("Expiration");
            write_when(when, writer);
            writer.close("Expiration");
        }
        Some(Expiration::LoneMarkers(goes)) => {
            writer.open("Expiration").plain("ExpiredObjectDeleteMarker", goes).close("Expiration");
        }
        None => {}
    }
    for transition in &rule.transitions {
        writer.open("Transition");
        write_when(transition.when, writer);
        writer.text("StorageClass", &transition.class).close("Transition");
    }
    if let Some(NoncurrentExpiration { days, newer }) = rule.noncurrent_expiration {
        writer.open("NoncurrentVersionExpiration");
        write_newer(days, newer, writer);
        writer.close("NoncurrentVersionExpiration");
    }
    for NoncurrentTransition { days, newer, class } in &rule.noncurrent_transitions {
        writer.open("NoncurrentVersionTransition");
        write_newer(*days, *newer, writer);
        writer.text("StorageClass", class).close("NoncurrentVersionTransition");
    }
    if let Some(days) = rule.abort_days {
        let name = "AbortIncompleteMultipartUpload";
        writer.open(name).plain("DaysAfterInitiation", days).close(name);
    }
}

fn write_when(when: When, writer: &mut XmlWriter) {
    match when {
        When::Days(days) => writer.plain("Days", days),
        When::Date(at) => writer.plain("Date", xml_time(Timestamp(at))),
    };
}

fn write_newer(days: u32, newer: Option<u32>, writer: &mut XmlWriter) {
    writer.plain("NoncurrentDays", days);
    if let Some(newer) = newer {
        writer.plain("NewerNoncurrentVersions", newer);
    }
}

fn write_filter(filter: &Filter, writer: &mut XmlWriter) {
    writer.open("Filter");
    match filter {
        Filter::Everything => {}
        Filter::Prefix(prefix) => {
            writer.text("Prefix", prefix);
        }
        Filter::Tag(name, value) => write_tag(name, value, writer),
        Filter::GreaterThan(bytes) => {
            writer.plain("ObjectSizeGreaterThan", bytes);
        }
        Filter::LessThan(bytes) => {
            writer.plain("ObjectSizeLessThan", bytes);
        }
        Filter::And { prefix, tags, greater_than, less_than } => {
            writer.open("And").maybe("Prefix", prefix.as_deref());
            tags.iter().for_each(|(name, value)| write_tag(name, value, writer));
            let sizes = [("ObjectSizeGreaterThan", greater_than), ("ObjectSizeLessThan", less_than)];
            for (name, bytes) in sizes {
                if let Some(bytes) = bytes {
                    writer.plain(name, bytes);
                }
            }
            writer.close("And");
        }
    }
    writer.close("Filter");
}

fn write_tag(name: &str, value: &str, writer: &mut XmlWriter) {
    writer.open("Tag").text("Key", name).text("Value", value).close("Tag");
}
