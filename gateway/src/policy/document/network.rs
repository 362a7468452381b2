//! Networks, as `IpAddress` conditions name them.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// An address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Text that is neither an address nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let network = match text.split_once('/') {
            // Any number is taken that Rust takes, as ever: a policy that was stored stays readable.
            Some((address, bits)) => {
                let bits = bits.parse().map_err(|_| NetworkError)?;
                IpNet::new(address.parse().map_err(|_| NetworkError)?, bits).map_err(|_| NetworkError)?
            }
            None => IpNet::from(text.parse::<IpAddr>().map_err(|_| NetworkError)?),
        };
        Ok(Self(network))
    }
}

impl Network {
    /// Whether an address lies in it. An IPv4 address that came over IPv6 is an IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.canonical().contains(&address.to_canonical())
    }

    /// Whether it is so wide that naming it keeps nobody out: Amazon draws the line at /8 and /32.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        match self.canonical() {
            IpNet::V4(network) => network.prefix_len() < 8,
            IpNet::V6(network) => network.prefix_len() < 32,
        }
    }

    /// A network of IPv4 addresses as IPv6 writes them is one of IPv4.
    fn canonical(&self) -> IpNet {
        match (self.0.addr().to_canonical(), self.0) {
            (IpAddr::V4(address), IpNet::V6(network)) => {
                let bits = network.prefix_len().saturating_sub(96);
                Ipv4Net::new(address, bits).map_or(self.0, IpNet::V4)
            }
            _ => self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lie_in_networks() {
        for (network, address, wanted) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.7/8", "10.9.9.9", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
            ("10.0.0.0/+8", "10.9.9.9", true),
        ] {
            let parsed: Network = network.parse().expect("a network");
            assert_eq!(parsed.contains(address.parse().expect("an address")), wanted, "{network} {address}");
        }
        for bad in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "x/8"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }

    #[test]
    fn wide_networks() {
        for (network, wide) in [
            ("0.0.0.0/0", true),
            ("10.0.0.0/7", true),
            ("10.0.0.0/8", false),
            ("::/0", true),
            ("2001:db8::/32", false),
            ("::ffff:0:0/96", true),
            ("::ffff:10.0.0.0/104", false),
        ] {
            assert_eq!(network.parse::<Network>().expect("a network").is_wide(), wide, "{network}");
        }
    }
}
