//! Which objects of a bucket a configuration is about.

use serde::{Deserialize, Serialize};

use crate::domain::{ObjectKey, TagSet};
use crate::s3::documents::tags;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};

/// Objects whose keys begin so and that have these tags; all of what is given holds, and something is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filter {
    prefix: Option<String>,
    tags: Vec<(String, String)>,
}

impl Filter {
    /// Reads the `<Filter>` of a document, if it has one.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidTag`; `NotImplemented` for access points.
    pub(super) fn read(root: &Element) -> Result<Option<Self>, S3Error> {
        let Some(element) = root.child("Filter") else { return Ok(None) };
        let malformed = || S3Error::from(Code::MalformedXML);
        let [child] = element.children.as_slice() else { return Err(malformed()) };
        match child.name.as_str() {
            "Prefix" => Ok(Some(Self { prefix: Some(prefix(&child.text)?), tags: Vec::new() })),
            "Tag" => Ok(Some(Self { prefix: None, tags: read_tags(element)? })),
            "And" => read_and(child).map(Some),
            "AccessPointArn" => Err(Code::NotImplemented.into()),
            _ => Err(malformed()),
        }
    }

    /// Writes it as it is read.
    pub(super) fn write(filter: Option<&Self>, writer: &mut XmlWriter) {
        let Some(filter) = filter else { return };
        writer.open("Filter");
        let several = filter.tags.len() + usize::from(filter.prefix.is_some()) > 1;
        if several {
            writer.open("And");
        }
        writer.maybe("Prefix", filter.prefix.as_deref());
        for (key, value) in &filter.tags {
            writer.open("Tag").text("Key", key).text("Value", value).close("Tag");
        }
        if several {
            writer.close("And");
        }
        writer.close("Filter");
    }
}

fn read_and(element: &Element) -> Result<Filter, S3Error> {
    if element.child("AccessPointArn").is_some() {
        return Err(Code::NotImplemented.into());
    }
    only(element, &["Prefix", "Tag"])?;
    if element.children.len() < 2 {
        return Err(Code::MalformedXML.into());
    }
    let prefix = optional(element, "Prefix")?.map(|text| prefix(&text)).transpose()?;
    Ok(Filter { prefix, tags: read_tags(element)? })
}

fn read_tags(element: &Element) -> Result<Vec<(String, String)>, S3Error> {
    let tags = Element { children: element.all("Tag").cloned().collect(), ..Element::default() };
    Ok(tags::read_list(&tags, TagSet::OBJECT_MAX)?.into_pairs())
}

fn prefix(text: &str) -> Result<String, S3Error> {
    let most = ObjectKey::BYTES_MAX;
    if text.len() > most {
        let message = format!("The maximum size of a prefix is {most}.");
        return Err(S3Error::with(Code::InvalidArgument, message).field("ArgumentName", "Prefix"));
    }
    Ok(text.to_owned())
}
