//! `PutBucketIntelligentTieringConfiguration` and its sisters: after how many days without access objects would go to which
//! archive. They are stored and shown; no class here has tiers.

use serde::{Deserialize, Serialize};

use crate::domain::Named;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::named::collection::{self, NamedConfiguration, id_of};
use crate::s3::ops::settings::named::filter::Filter;
use crate::s3::route::Row;

/// The most days without access, as with Amazon.
const DAYS_MAX: u32 = 730;

/// What `PutBucketIntelligentTieringConfiguration` sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct IntelligentTiering {
    id: String,
    filter: Option<Filter>,
    enabled: bool,
    tierings: Vec<Tiering>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tiering {
    tier: Tier,
    days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Tier {
    Archive,
    DeepArchive,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Archive => "ARCHIVE_ACCESS",
            Self::DeepArchive => "DEEP_ARCHIVE_ACCESS",
        }
    }

    /// The fewest days without access.
    fn days_min(self) -> u32 {
        match self {
            Self::Archive => 90,
            Self::DeepArchive => 180,
        }
    }
}

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    collection::rows::<IntelligentTiering>(
        [
            "PutBucketIntelligentTieringConfiguration",
            "GetBucketIntelligentTieringConfiguration",
            "DeleteBucketIntelligentTieringConfiguration",
            "ListBucketIntelligentTieringConfigurations",
        ],
        ["s3:PutIntelligentTieringConfiguration", "s3:GetIntelligentTieringConfiguration"],
    )
}

impl Named for IntelligentTiering {
    const KIND: &'static str = "intelligent-tiering";

    fn id(&self) -> &str {
        &self.id
    }
}

impl NamedConfiguration for IntelligentTiering {
    const ROOT: &'static str = "IntelligentTieringConfiguration";
    const LIST_ROOT: &'static str = "ListBucketIntelligentTieringConfigurationsOutput";
    const PARAMETER: &'static str = "intelligent-tiering";

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["Id", "Filter", "Status", "Tiering"])?;
        let enabled = match optional(root, "Status")?.as_deref() {
            Some("Enabled") => true,
            Some("Disabled") => false,
            _ => return Err(Code::MalformedXML.into()),
        };
        let tierings = root.all("Tiering").map(Tiering::read).collect::<Result<Vec<_>, _>>()?;
        match tierings.as_slice() {
            [_] => {}
            [one, other] if one.tier != other.tier => {}
            _ => return Err(Code::MalformedXML.into()),
        }
        Ok(Self { id: id_of(root)?, filter: Filter::read(root)?, enabled, tierings })
    }

    fn write(&self, writer: &mut XmlWriter) {
        writer.text("Id", &self.id);
        Filter::write(self.filter.as_ref(), writer);
        writer.text("Status", if self.enabled { "Enabled" } else { "Disabled" });
        for tiering in &self.tierings {
            writer.open("Tiering").plain("Days", tiering.days).text("AccessTier", tiering.tier.name()).close("Tiering");
        }
    }
}

impl Tiering {
    fn read(element: &Element) -> Result<Self, S3Error> {
        only(element, &["Days", "AccessTier"])?;
        let (days, name) = (optional(element, "Days")?, optional(element, "AccessTier")?);
        let tier = [Tier::Archive, Tier::DeepArchive].into_iter().find(|tier| Some(tier.name()) == name.as_deref());
        let tier = tier.ok_or(Code::MalformedXML)?;
        let days: u32 = days.unwrap_or_default().trim().parse().map_err(|_| Code::MalformedXML)?;
        let least = tier.days_min();
        if !(least..=DAYS_MAX).contains(&days) {
            let message = format!("'Days' of {} has to be from {least} to {DAYS_MAX}.", tier.name());
            return Err(S3Error::argument(message, "Days", &days.to_string()));
        }
        Ok(Self { tier, days })
    }
}
