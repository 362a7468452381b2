//! From XML, checked as Amazon checks it.

use std::collections::HashSet;

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::lifecycle::{Expiration, Filter, NoncurrentExpiration, NoncurrentTransition, Rule, Scope, Transition, When};
use crate::s3::documents::xml::{Element, only, optional};
use crate::s3::error::{Code, S3Error};

/// The most rules of a bucket.
const RULES_MAX: usize = 1_000;
/// The longest name of a rule, in characters.
const ID_MAX: usize = 255;
/// The most tags of a filter.
const TAGS_MAX: usize = 10;
/// The most of the newest versions that can be kept.
const NEWER_MAX: u32 = 100;
/// The largest object, in bytes, as sizes in filters are bounded.
const SIZE_MAX: u64 = 50 << 40;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The classes a transition may name.
const CLASSES: [&str; 6] =
    ["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"];

/// Reads the rules from their root element. `name` makes the names that are not given, from a rule's position.
///
/// # Errors
/// `MalformedXML`, `InvalidArgument` or `InvalidRequest`, in Amazon's words.
pub fn read(root: &Element, name: impl Fn(usize) -> String) -> Result<Vec<Rule>, S3Error> {
    only(root, &["Rule"])?;
    if root.children.is_empty() || root.children.len() > RULES_MAX {
        return Err(malformed());
    }
    let mut names = HashSet::new();
    let mut rules = Vec::with_capacity(root.children.len());
    for (at, element) in root.children.iter().enumerate() {
        let rule = read_rule(element, || name(at))?;
        if !names.insert(rule.id.clone()) {
            return Err(argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn read_rule(element: &Element, name: impl FnOnce() -> String) -> Result<Rule, S3Error> {
    let transitions = ["Transition", "NoncurrentVersionTransition"];
    let singles = ["Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"];
    only(element, &[&["ID", "Prefix", "Filter", "Status"][..], &transitions, &singles].concat())?;
    let id = optional(element, "ID")?.filter(|id| !id.is_empty()).unwrap_or_else(name);
    if id.chars().count() > ID_MAX {
        return Err(argument("ID length should not exceed allowed limit of 255"));
    }
    let enabled = match optional(element, "Status")?.as_deref() {
        Some("Enabled") => true,
        Some("Disabled") => false,
        _ => return Err(malformed()),
    };
    let scope = match (optional(element, "Prefix")?, single(element, "Filter")?) {
        (Some(prefix), None) => Scope::Prefix(prefix),
        (None, Some(filter)) => Scope::Filter(read_filter(filter)?),
        _ => return Err(malformed()),
    };
    let rule = Rule {
        id,
        enabled,
        expiration: single(element, "Expiration")?.map(read_expiration).transpose()?,
        noncurrent_expiration: single(element, singles[1])?.map(read_noncurrent_expiration).transpose()?,
        transitions: element.all(transitions[0]).map(read_transition).collect::<Result<_, _>>()?,
        noncurrent_transitions: element
            .all(transitions[1])
            .map(read_noncurrent_transition)
            .collect::<Result<_, _>>()?,
        abort_days: single(element, singles[2])?.map(read_abort).transpose()?,
        scope,
    };
    check(&rule)?;
    Ok(rule)
}

/// What no part of a rule can know alone.
fn check(rule: &Rule) -> Result<(), S3Error> {
    let nothing = rule.expiration.is_none()
        && rule.noncurrent_expiration.is_none()
        && rule.transitions.is_empty()
        && rule.noncurrent_transitions.is_empty()
        && rule.abort_days.is_none();
    if nothing {
        return Err(request("At least one action needs to be specified in a rule"));
    }
    let tagged = matches!(rule.scope, Scope::Filter(Filter::Tag(..))) || !rule.scope.tags().is_empty();
    if tagged && matches!(rule.expiration, Some(Expiration::LoneMarkers(_))) {
        return Err(request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
    }
    if rule.abort_days.is_some() && tagged {
        return Err(request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
    }
    if rule.abort_days.is_some() && rule.scope.names_size() {
        return Err(request("AbortIncompleteMultipartUpload cannot be specified with Object Size."));
    }
    let mut triggers: Vec<When> = rule.transitions.iter().map(|transition| transition.when).collect();
    if let Some(Expiration::At(when)) = rule.expiration {
        if let When::Days(days) = when
            && rule.transitions.iter().any(|one| matches!(one.when, When::Days(other) if other >= days))
        {
            return Err(argument(
                "'Days' in the Expiration action must be greater than 'Days' in the Transition action",
            ));
        }
        triggers.push(when);
    }
    let dated = triggers.iter().filter(|when| matches!(when, When::Date(_))).count();
    if dated > 0 && dated < triggers.len() {
        return Err(request("Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule"));
    }
    let classes: HashSet<_> = rule.transitions.iter().map(|transition| &transition.class).collect();
    if classes.len() < rule.transitions.len() {
        return Err(request("Duplicate StorageClass in Transition actions"));
    }
    Ok(())
}

fn read_filter(element: &Element) -> Result<Filter, S3Error> {
    only(element, &["Prefix", "Tag", "And", "ObjectSizeGreaterThan", "ObjectSizeLessThan"])?;
    let [child] = &*element.children else {
        return if element.children.is_empty() { Ok(Filter::Everything) } else { Err(malformed()) };
    };
    Ok(match child.name.as_str() {
        "Prefix" => Filter::Prefix(child.text.clone()),
        "Tag" => {
            let (name, value) = read_tag(child)?;
            Filter::Tag(name, value)
        }
        "ObjectSizeGreaterThan" => Filter::GreaterThan(size(&child.text)?),
        "ObjectSizeLessThan" => Filter::LessThan(size(&child.text)?),
        _ => read_and(child)?,
    })
}

fn read_and(element: &Element) -> Result<Filter, S3Error> {
    only(element, &["Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"])?;
    let tags = element.all("Tag").map(read_tag).collect::<Result<Vec<_>, _>>()?;
    let names: HashSet<_> = tags.iter().map(|(name, _)| name).collect();
    if names.len() < tags.len() {
        return Err(request("Duplicate Tag Keys are not allowed."));
    }
    let sized = |name| optional(element, name)?.map(|text| size(&text)).transpose();
    let (greater_than, less_than) = (sized("ObjectSizeGreaterThan")?, sized("ObjectSizeLessThan")?);
    if let (Some(greater), Some(less)) = (greater_than, less_than)
        && less <= greater
    {
        return Err(request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."));
    }
    if element.children.len() < 2 || tags.len() > TAGS_MAX {
        return Err(malformed());
    }
    Ok(Filter::And { prefix: optional(element, "Prefix")?, tags, greater_than, less_than })
}

fn read_tag(element: &Element) -> Result<(String, String), S3Error> {
    only(element, &["Key", "Value"])?;
    let (Some(name), Some(value)) = (optional(element, "Key")?, optional(element, "Value")?) else {
        return Err(malformed());
    };
    if name.is_empty() || name.chars().count() > 128 {
        return Err(S3Error::with(Code::InvalidTag, "The TagKey you have provided is invalid"));
    }
    if value.chars().count() > 256 {
        return Err(S3Error::with(Code::InvalidTag, "The TagValue you have provided is invalid"));
    }
    Ok((name, value))
}

fn read_expiration(element: &Element) -> Result<Expiration, S3Error> {
    only(element, &["Days", "Date", "ExpiredObjectDeleteMarker"])?;
    let [child] = &*element.children else { return Err(malformed()) };
    if child.name == "ExpiredObjectDeleteMarker" {
        return match child.text.trim() {
            "true" => Ok(Expiration::LoneMarkers(true)),
            "false" => Ok(Expiration::LoneMarkers(false)),
            _ => Err(malformed()),
        };
    }
    let when = read_when(child)?;
    if when == When::Days(0) {
        return Err(argument("'Days' for Expiration action must be a positive integer"));
    }
    Ok(Expiration::At(when))
}

fn read_noncurrent_expiration(element: &Element) -> Result<NoncurrentExpiration, S3Error> {
    only(element, &["NoncurrentDays", "NewerNoncurrentVersions"])?;
    let days = optional(element, "NoncurrentDays")?.ok_or_else(malformed)?;
    let message = "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer";
    Ok(NoncurrentExpiration { days: positive(&days, message)?, newer: newer(element)? })
}

fn read_transition(element: &Element) -> Result<Transition, S3Error> {
    only(element, &["Days", "Date", "StorageClass"])?;
    let class = class(element)?;
    match element.children.iter().filter(|child| child.name != "StorageClass").collect::<Vec<_>>()[..] {
        [child] => Ok(Transition { when: read_when(child)?, class }),
        _ => Err(malformed()),
    }
}

fn read_noncurrent_transition(element: &Element) -> Result<NoncurrentTransition, S3Error> {
    only(element, &["NoncurrentDays", "NewerNoncurrentVersions", "StorageClass"])?;
    let days = optional(element, "NoncurrentDays")?.ok_or_else(malformed)?;
    let message = "'NoncurrentDays' for NoncurrentVersionTransition action must be nonnegative";
    Ok(NoncurrentTransition { days: number(&days, message)?, newer: newer(element)?, class: class(element)? })
}

fn read_abort(element: &Element) -> Result<u32, S3Error> {
    only(element, &["DaysAfterInitiation"])?;
    let days = optional(element, "DaysAfterInitiation")?.ok_or_else(malformed)?;
    positive(&days, "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
}

fn newer(element: &Element) -> Result<Option<u32>, S3Error> {
    let message = "'NewerNoncurrentVersions' must be a positive integer of at most 100";
    let newer = optional(element, "NewerNoncurrentVersions")?.map(|text| positive(&text, message)).transpose()?;
    if newer.is_some_and(|newer| newer > NEWER_MAX) { Err(argument(message)) } else { Ok(newer) }
}

fn class(element: &Element) -> Result<String, S3Error> {
    let class = optional(element, "StorageClass")?.ok_or_else(malformed)?;
    if CLASSES.contains(&class.as_str()) { Ok(class) } else { Err(malformed()) }
}

fn read_when(element: &Element) -> Result<When, S3Error> {
    match element.name.as_str() {
        "Days" => Ok(When::Days(number(&element.text, "'Days' must be a nonnegative integer")?)),
        _ => midnight(element.text.trim()).map(When::Date),
    }
}

/// A midnight in ISO 8601, as microseconds since the epoch.
fn midnight(text: &str) -> Result<i64, S3Error> {
    let day = || Date::parse(text, &time::macros::format_description!("[year]-[month]-[day]")).ok();
    let date_time = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| Some(day()?.midnight().assume_utc()));
    let micros = date_time.ok_or_else(malformed)?.unix_timestamp_nanos() / 1_000;
    let micros = i64::try_from(micros).map_err(|_| malformed())?;
    let refused = || S3Error::argument("'Date' must be at midnight GMT", "Date", text);
    if micros.rem_euclid(DAY) == 0 { Ok(micros) } else { Err(refused()) }
}

/// A number of days or versions: text that is no number is malformed, one that is out of bounds is an invalid argument.
fn number(text: &str, message: &'static str) -> Result<u32, S3Error> {
    let number: i64 = text.trim().parse().map_err(|_| malformed())?;
    let number = i32::try_from(number).map_err(|_| malformed())?;
    u32::try_from(number).map_err(|_| argument(message))
}

fn positive(text: &str, message: &'static str) -> Result<u32, S3Error> {
    number(text, message)?.checked_sub(1).map(|less| less + 1).ok_or_else(|| argument(message))
}

fn size(text: &str) -> Result<u64, S3Error> {
    let bytes: i64 = text.trim().parse().map_err(|_| malformed())?;
    let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes <= SIZE_MAX);
    bytes.ok_or_else(|| argument("Object sizes in filters must be between 0 and 50 TiB"))
}

fn single<'a>(element: &'a Element, name: &'a str) -> Result<Option<&'a Element>, S3Error> {
    let mut all = element.all(name);
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(malformed()),
        (first, None) => Ok(first),
    }
}

fn malformed() -> S3Error {
    Code::MalformedXML.into()
}

fn argument(message: &'static str) -> S3Error {
    S3Error::with(Code::InvalidArgument, message)
}

fn request(message: &'static str) -> S3Error {
    S3Error::with(Code::InvalidRequest, message)
}
