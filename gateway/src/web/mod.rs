//! What a bucket lets browsers do: which pages of others may read it (CORS), and how it answers as a website. Rule books:
//! they decide from what they are given and touch nothing.

mod cors;
mod routing;
mod website;

pub use cors::{CorsConfiguration, CorsGrant, CorsRule, METHODS};
pub use routing::{Destination, Protocol, Redirection, RoutingCondition, RoutingRule};
pub use website::{RedirectAll, WebsiteConfiguration};
