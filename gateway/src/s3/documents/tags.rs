//! Tags as S3 writes them.

use crate::domain::{TagError, TagSet};
use crate::s3::documents::xml::{Element, XmlWriter};
use crate::s3::error::{Code, S3Error};

/// The root of a document of tags.
pub const ROOT: &str = "Tagging";

/// Reads the `<Tagging>` element of at most `most` tags.
///
/// # Errors
/// `MalformedXML`, or which rule of tags is broken.
pub fn read(root: &Element, most: usize) -> Result<TagSet, S3Error> {
    match root.children.as_slice() {
        // What clients send for no set at all is an empty one, as recorded of Amazon.
        [] => Ok(TagSet::default()),
        [set] if set.name == "TagSet" => read_list(set, most),
        _ => Err(Code::MalformedXML.into()),
    }
}

/// Reads an element that holds at most `most` `<Tag>` elements.
///
/// # Errors
/// `MalformedXML`, or which rule of tags is broken.
pub fn read_list(set: &Element, most: usize) -> Result<TagSet, S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    if set.children.iter().any(|child| child.name != "Tag") {
        return Err(malformed());
    }
    let pair = |tag: &Element| {
        let [one, other] = tag.children.as_slice() else { return Err(malformed()) };
        match (one.name.as_str(), other.name.as_str()) {
            ("Key", "Value") => Ok((one.text.clone(), other.text.clone())),
            ("Value", "Key") => Ok((other.text.clone(), one.text.clone())),
            _ => Err(malformed()),
        }
    };
    let pairs = set.children.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    TagSet::new(pairs, most).map_err(|error| refused(error, most))
}

/// What is said to tags that break a rule. Of what they were to be tags is known by how many there may be.
#[must_use]
pub fn refused(error: TagError, most: usize) -> S3Error {
    let of_object = most == TagSet::OBJECT_MAX;
    let message = match &error {
        TagError::TooMany(most) => {
            let what = if of_object { "Object tags" } else { "Bucket tag count" };
            return S3Error::with(Code::BadRequest, format!("{what} cannot be greater than {most}"));
        }
        TagError::Reserved(_) if of_object => "Your TagKey cannot be prefixed with aws:".to_owned(),
        _ => error.to_string(),
    };
    let refused = S3Error::with(Code::InvalidTag, message);
    match error {
        TagError::Key(name) | TagError::Reserved(name) | TagError::Duplicate(name) => refused.field("TagKey", name),
        TagError::Value(name, value) => refused.field("TagKey", name).field("TagValue", value),
        TagError::TooMany(_) => refused,
    }
}

/// Writes the `<TagSet>` element.
pub fn write(pairs: &[(String, String)], writer: &mut XmlWriter) {
    write_list("TagSet", pairs, writer);
}

/// Writes an element that holds tags.
pub fn write_list(name: &str, pairs: &[(String, String)], writer: &mut XmlWriter) {
    writer.open(name);
    for (key, value) in pairs {
        writer.open("Tag").text("Key", key).text("Value", value).close("Tag");
    }
    writer.close(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    fn of(inside: &str, most: usize) -> Result<TagSet, S3Error> {
        read(&parse(format!("<Tagging>{inside}</Tagging>").as_bytes(), ROOT).unwrap(), most)
    }

    #[test]
    fn what_is_read_is_written() {
        let inside =
            "<TagSet><Tag><Key>a b</Key><Value>+é</Value></Tag><Tag><Key>c</Key><Value></Value></Tag></TagSet>";
        let mut writer = XmlWriter::fragment();
        write(of(inside, 10).unwrap().pairs(), &mut writer);
        assert_eq!(writer.finish(), inside);
        assert!(of("<TagSet/>", 10).unwrap().pairs().is_empty());
        assert!(of("", 10).unwrap().pairs().is_empty());
    }

    #[test]
    fn what_is_no_tag_set_is_refused() {
        let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>v</Value></Tag>");
        let set = |tags: &str| format!("<TagSet>{tags}</TagSet>");
        let many: String = (0..51).map(|i| tag(&i.to_string())).collect();
        for (inside, code) in [
            ("<Other/>".to_owned(), Code::MalformedXML),
            ("<TagSet/>".repeat(2), Code::MalformedXML),
            (set("<Tag><Key>a</Key></Tag>"), Code::MalformedXML),
            (set("<Tag><Key>a</Key><Key>b</Key></Tag>"), Code::MalformedXML),
            (set("<Other/>"), Code::MalformedXML),
            (set(&tag("")), Code::InvalidTag),
            (set(&tag("aws:x")), Code::InvalidTag),
            (set(&tag("a").repeat(2)), Code::InvalidTag),
            (set(&many), Code::BadRequest),
        ] {
            assert_eq!(of(&inside, TagSet::BUCKET_MAX).unwrap_err().code, code, "{inside:.100}");
        }
    }
}
