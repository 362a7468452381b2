//! `NotificationConfiguration` as XML, checked as Amazon checks it.

use crate::events::{Destination, KeyFilter, NotificationConfiguration, NotificationRule, is_event};
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};

/// The most rules of a bucket.
const RULES_MAX: usize = 100;
/// The longest name of a rule, in characters.
const ID_MAX: usize = 255;
/// The longest end of a key, in bytes.
const END_MAX: usize = 1_024;

/// How destinations are called: the element of the rule, and that of the destination in it.
const DESTINATIONS: [(Destination, &str, &str); 2] =
    [(Destination::Queue, "QueueConfiguration", "Queue"), (Destination::Topic, "TopicConfiguration", "Topic")];

/// Reads the rules from their root element. `targets` are the names of those that the bucket may use; `name` makes the names that
/// are not given, from a rule's position.
///
/// # Errors
/// `MalformedXML` or `InvalidArgument`, in Amazon's words; `NotImplemented` for destinations that do not exist here.
pub fn read(
    root: &Element,
    targets: &[&str],
    region: &str,
    name: impl Fn(usize) -> String,
) -> Result<NotificationConfiguration, S3Error> {
    let functions = ["CloudFunctionConfiguration", "EventBridgeConfiguration"];
    only(root, &["QueueConfiguration", "TopicConfiguration", functions[0], functions[1]])?;
    if functions.iter().any(|function| root.child(function).is_some()) {
        return Err(Code::NotImplemented.into());
    }
    if root.children.len() > RULES_MAX {
        return Err(S3Error::with(Code::InvalidArgument, "Too many notification configurations"));
    }
    let mut rules = Vec::with_capacity(root.children.len());
    for (at, element) in root.children.iter().enumerate() {
        rules.push(read_rule(element, targets, region, || name(at))?);
    }
    let configuration = NotificationConfiguration { rules };
    configuration.check().map_err(|_| {
        let message = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
        S3Error::with(Code::InvalidArgument, message)
    })?;
    Ok(configuration)
}

fn read_rule(
    element: &Element,
    targets: &[&str],
    region: &str,
    name: impl FnOnce() -> String,
) -> Result<NotificationRule, S3Error> {
    let called = DESTINATIONS.into_iter().find(|(_, rule, _)| *rule == element.name).ok_or_else(malformed)?;
    let (destination, _, child) = called;
    only(element, &["Id", "Event", "Filter", child])?;
    let id = optional(element, "Id")?.filter(|id| !id.is_empty()).unwrap_or_else(name);
    if id.chars().count() > ID_MAX {
        return Err(S3Error::with(Code::InvalidArgument, "The ID is longer than 255 characters"));
    }
    let arn = optional(element, child)?.ok_or_else(malformed)?;
    let target = target_of(&arn, targets, region)
        .ok_or_else(|| S3Error::argument("Unable to validate the following destination configurations", &arn, &arn))?;
    let events: Vec<String> = element.all("Event").map(|event| event.text.trim().to_owned()).collect();
    if events.is_empty() {
        return Err(malformed());
    }
    if let Some(event) = events.iter().find(|event| !is_event(event)) {
        return Err(S3Error::argument("The event is not supported for notifications", "Event", event));
    }
    let filter = element.child("Filter").map(read_filter).transpose()?;
    Ok(NotificationRule { id, destination, target: target.to_owned(), arn, events, filter })
}

/// The configured target that `arn:haulout:sqs:REGION:ID:NAME` names.
fn target_of<'a>(arn: &'a str, targets: &[&str], region: &str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "haulout", "sqs" | "sns", arn_region, _, name] = parts[..] else { return None };
    let known = targets.contains(&name) && (arn_region.is_empty() || arn_region == region);
    known.then_some(name)
}

fn read_filter(element: &Element) -> Result<KeyFilter, S3Error> {
    only(element, &["S3Key"])?;
    let mut filter = KeyFilter::default();
    for rule in element.all("S3Key").flat_map(|keys| &keys.children) {
        only(rule, &["Name", "Value"])?;
        let value = rule.text_of("Value").ok_or_else(malformed)?;
        if rule.name != "FilterRule" || value.len() > END_MAX {
            return Err(malformed());
        }
        let name = rule.text_of("Name").unwrap_or_default();
        let end = match name.to_ascii_lowercase().as_str() {
            "prefix" => &mut filter.prefix,
            "suffix" => &mut filter.suffix,
            _ => {
                return Err(S3Error::argument(
                    "filter rule name must be either prefix or suffix",
                    "FilterRule.Name",
                    name,
                ));
            }
        };
        if end.replace(value.to_owned()).is_some() {
            let message = "Cannot specify more than one prefix or suffix rule in a filter.";
            return Err(S3Error::argument(message, "FilterRule.Name", name));
        }
    }
    Ok(filter)
}

fn malformed() -> S3Error {
    Code::MalformedXML.into()
}

/// The document of a configuration.
#[must_use]
pub fn write(configuration: &NotificationConfiguration) -> String {
    let mut writer = XmlWriter::document("NotificationConfiguration", configuration.rules.len() * 300);
    for rule in &configuration.rules {
        let called = DESTINATIONS.iter().find(|(destination, ..)| *destination == rule.destination);
        let Some((_, element, child)) = called else { continue };
        writer.open(element).text("Id", &rule.id).text(child, &rule.arn);
        rule.events.iter().for_each(|event| {
            writer.text("Event", event);
        });
        if let Some(filter) = &rule.filter {
            writer.open("Filter").open("S3Key");
            for (name, value) in [("prefix", &filter.prefix), ("suffix", &filter.suffix)] {
                if let Some(value) = value {
                    writer.open("FilterRule").text("Name", name).text("Value", value).close("FilterRule");
                }
            }
            writer.close("S3Key").close("Filter");
        }
        writer.close(element);
    }
    writer.end("NotificationConfiguration")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    fn put(inside: &str) -> Result<NotificationConfiguration, S3Error> {
        let text = format!("<NotificationConfiguration>{inside}</NotificationConfiguration>");
        let root = parse(text.as_bytes(), "NotificationConfiguration").unwrap();
        read(&root, &["hook"], "us-east-1", |at| format!("made-{at}"))
    }

    #[test]
    fn what_is_put_comes_back() {
        let document = "<QueueConfiguration><Id>a</Id><Queue>arn:haulout:sqs:us-east-1:1:hook</Queue>\
                        <Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:Delete</Event><Filter><S3Key>\
                        <FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>\
                        <FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>\
                        </QueueConfiguration><TopicConfiguration><Id>b</Id><Topic>arn:haulout:sns::1:hook</Topic>\
                        <Event>s3:ObjectRestore:Post</Event></TopicConfiguration>";
        let configuration = put(document).unwrap();
        assert_eq!(configuration.rules[0].target, "hook");
        assert!(write(&configuration).contains(document), "{}", write(&configuration));
        assert_eq!(put("").unwrap().rules.len(), 0);
        let unnamed = "<TopicConfiguration><Topic>arn:haulout:sns::1:hook</Topic><Event>s3:LifecycleExpiration:*</Event>\
                       </TopicConfiguration>";
        assert_eq!(put(unnamed).unwrap().rules[0].id, "made-0");
        for event in ["s3:ObjectTagging:*", "s3:ObjectAcl:Put", "s3:LifecycleTransition"] {
            let other = unnamed.replace("s3:LifecycleExpiration:*", event);
            assert_eq!(put(&other).unwrap().rules[0].events, [event]);
        }
    }

    #[test]
    fn what_amazon_refuses_is_refused() {
        let queue = |arn: &str, event: &str, filter: &str| {
            format!("<QueueConfiguration><Queue>{arn}</Queue><Event>{event}</Event>{filter}</QueueConfiguration>")
        };
        let (arn, event) = ("arn:haulout:sqs:us-east-1:1:hook", "s3:ObjectCreated:Put");
        let rule = |name: &str| format!("<FilterRule><Name>{name}</Name><Value>a</Value></FilterRule>");
        let table = [
            (queue("arn:haulout:sqs:us-east-1:1:other", event, ""), Code::InvalidArgument),
            (queue("arn:haulout:sqs:eu-west-1:1:hook", event, ""), Code::InvalidArgument),
            (queue("arn:aws:sqs:us-east-1:1:hook", event, ""), Code::InvalidArgument),
            (queue(arn, "s3:ObjectEaten", ""), Code::InvalidArgument),
            (queue(arn, event, "<Filter><S3Key><Other/></S3Key></Filter>"), Code::MalformedXML),
            (queue(arn, event, &format!("<Filter><S3Key>{}</S3Key></Filter>", rule("middle"))), Code::InvalidArgument),
            (
                queue(arn, event, &format!("<Filter><S3Key>{}</S3Key></Filter>", rule("prefix").repeat(2))),
                Code::InvalidArgument,
            ),
            (queue(arn, event, "").repeat(2), Code::InvalidArgument),
            ("<EventBridgeConfiguration/>".to_owned(), Code::NotImplemented),
            ("<QueueConfiguration/>".to_owned(), Code::MalformedXML),
        ];
        for (inside, code) in table {
            assert_eq!(put(&inside).unwrap_err().code, code, "{inside}");
        }
    }
}
