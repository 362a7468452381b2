//! Browser-facing rules of a bucket: CORS and static websites. Pure:
//! no I/O.

mod cors;
mod routing;
mod website;

pub use cors::{CorsConfiguration, CorsGrant, CorsRule, METHODS};
pub use routing::{Destination, Protocol, Redirection, RoutingCondition, RoutingRule};
pub use website::{RedirectAll, WebsiteConfiguration};
