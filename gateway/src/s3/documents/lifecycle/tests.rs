//! What is put comes back, and what Amazon refuses is refused in its words.

use proptest::prelude::*;

use super::*;
use crate::lifecycle::{Configuration, MinimumSize, Rule};
use crate::s3::documents::xml::parse;
use crate::s3::error::{Code, S3Error};

fn rules(inside: &str) -> Result<Vec<Rule>, S3Error> {
    let text = format!("<LifecycleConfiguration>{inside}</LifecycleConfiguration>");
    read(&parse(text.as_bytes(), "LifecycleConfiguration").unwrap(), |at| format!("made-{at}"))
}

fn one(inside: &str) -> Result<Vec<Rule>, S3Error> {
    rules(&format!("<Rule>{inside}<Status>Enabled</Status></Rule>"))
}

#[test]
fn what_is_put_comes_back() {
    let documents = [
        "<Rule><ID>a</ID><Prefix>logs/</Prefix><Status>Disabled</Status><Expiration><Days>3</Days></Expiration></Rule>",
        "<Rule><ID>a</ID><Filter></Filter><Status>Enabled</Status>\
         <Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>",
        "<Rule><ID>a</ID><Filter><Tag><Key>k</Key><Value>v&amp;w</Value></Tag></Filter><Status>Enabled</Status>\
         <Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration></Rule>\
         <Rule><ID>b</ID><Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter><Status>Enabled</Status>\
         <Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>",
        "<Rule><ID>a</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
         <ObjectSizeGreaterThan>1</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>\
         <Status>Enabled</Status><Expiration><Days>90</Days></Expiration>\
         <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
         <Transition><Days>60</Days><StorageClass>GLACIER</StorageClass></Transition>\
         <NoncurrentVersionExpiration><NoncurrentDays>4</NoncurrentDays>\
         <NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>\
         <NoncurrentVersionTransition><NoncurrentDays>2</NoncurrentDays>\
         <StorageClass>STANDARD_IA</StorageClass></NoncurrentVersionTransition></Rule>",
        "<Rule><ID>a</ID><Prefix></Prefix><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
    ];
    for document in documents {
        let configuration = Configuration { rules: rules(document).unwrap(), minimum_size: MinimumSize::All128K };
        let shown = write(&configuration);
        assert!(shown.contains(document), "{shown}\n{document}");
    }
}

#[test]
fn a_rule_without_a_name_gets_one() {
    let rules = rules(
        "<Rule><Prefix>a</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
         <Rule><Prefix>b</Prefix><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
    );
    assert_eq!(rules.unwrap().iter().map(|rule| &*rule.id).collect::<Vec<_>>(), ["made-0", "made-1"]);
}

#[test]
fn what_amazon_refuses_is_refused() {
    use Code::{InvalidArgument, InvalidRequest, MalformedXML};
    let days = |days: &str| format!("<Prefix/><Expiration><Days>{days}</Days></Expiration>");
    let date = |date: &str| format!("<Prefix/><Expiration><Date>{date}</Date></Expiration>");
    let filter = |inside: &str| format!("<Filter>{inside}</Filter><Expiration><Days>1</Days></Expiration>");
    let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
    let transition = |days: &str, class: &str| {
        format!("<Transition><Days>{days}</Days><StorageClass>{class}</StorageClass></Transition>")
    };
    let marker = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>";
    let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>\
                 </AbortIncompleteMultipartUpload>";
    let table = [
        (days("0"), InvalidArgument),
        (days("-1"), InvalidArgument),
        (days("x"), MalformedXML),
        (days("99999999999"), MalformedXML),
        (date("2030-01-01T00:00:01Z"), InvalidArgument),
        (date("20300101"), MalformedXML),
        (date("soon"), MalformedXML),
        ("<Prefix/>".to_owned(), InvalidRequest),
        ("<Expiration><Days>1</Days></Expiration>".to_owned(), MalformedXML),
        (format!("<Filter/>{}", days("1")), MalformedXML),
        ("<Prefix/><Expiration/>".to_owned(), MalformedXML),
        ("<Prefix/><Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>".to_owned(), MalformedXML),
        (format!("<Prefix/>{marker}{marker}"), MalformedXML),
        (format!("<Filter>{tag}</Filter>{marker}"), InvalidRequest),
        (format!("<Filter>{tag}</Filter>{abort}"), InvalidRequest),
        (format!("<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>{abort}"), InvalidRequest),
        (filter(&format!("<Prefix>a</Prefix>{tag}")), MalformedXML),
        (filter(&format!("<And>{tag}</And>")), MalformedXML),
        (filter(&format!("<And>{tag}{tag}</And>")), InvalidRequest),
        (filter("<ObjectSizeGreaterThan>-1</ObjectSizeGreaterThan>"), InvalidArgument),
        (filter("<Unknown/>"), MalformedXML),
        (format!("<Prefix/>{}", transition("1", "STANDARD")), MalformedXML),
        (format!("<Prefix/>{}", transition("-1", "GLACIER")), InvalidArgument),
        (format!("{}{}", days("3"), transition("3", "GLACIER")), InvalidArgument),
        (format!("{}{}", date("2030-01-01"), transition("3", "GLACIER")), InvalidRequest),
        (format!("<ID>{}</ID>{}", "a".repeat(256), days("1")), InvalidArgument),
        (format!("<Unknown/>{}", days("1")), MalformedXML),
        (
            "<Prefix/><NoncurrentVersionExpiration><NewerNoncurrentVersions>1</NewerNoncurrentVersions>\
          </NoncurrentVersionExpiration>"
                .to_owned(),
            MalformedXML,
        ),
        (
            "<Prefix/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>\
          <NewerNoncurrentVersions>101</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
                .to_owned(),
            InvalidArgument,
        ),
    ];
    for (inside, code) in table {
        assert_eq!(one(&inside).unwrap_err().code, code, "{inside}");
    }
    let same = "<Rule><ID>a</ID><Prefix/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>";
    assert_eq!(rules(&same.repeat(2)).unwrap_err().code, InvalidArgument);
    assert_eq!(rules("").unwrap_err().code, MalformedXML);
    assert_eq!(rules(&same.replace("Enabled", "enabled")).unwrap_err().code, MalformedXML);
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(names in proptest::collection::vec((0_usize..16, "[a-z0-9:TZ-]{0,12}"), 0..12)) {
        const NAMES: [&str; 16] = [
            "Rule", "ID", "Prefix", "Filter", "And", "Tag", "Key", "Value", "Status", "Expiration", "Days", "Date",
            "Transition", "StorageClass", "NoncurrentVersionExpiration", "NoncurrentDays",
        ];
        let opened: String = names.iter().map(|(at, text)| format!("<{}>{text}", NAMES[*at])).collect();
        let closed: String = names.iter().rev().map(|(at, _)| format!("</{}>", NAMES[*at])).collect();
        let _ = rules(&format!("{opened}{closed}"));
    }
}
