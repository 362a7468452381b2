//! Which public addresses are near each other: those of one network fail together, and are often one operator's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::domain::is_public_address;

/// The network of a public address: its /24 (IPv4), as Storj distinguishes providers, or its /64 (IPv6), the least that a site is given
/// (RFC 6177). None for any other address: loopback and private ones are the operator's own, and say nothing of where a machine stands.
#[must_use]
pub fn network_of(address: IpAddr) -> Option<String> {
    let address = address.to_canonical();
    if !is_public_address(address) {
        return None;
    }
    Some(match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    })
}

#[cfg(test)]
mod tests {
    use codec::BlobId;
    use proptest::prelude::*;

    use super::*;
    use crate::placement::tests::{candidate, scheme};
    use crate::placement::{Candidate, FailureDomains, choose, zone_at_risk};

    fn network(address: &str) -> Option<String> {
        network_of(address.parse().expect("an address"))
    }

    #[test]
    fn public_neighbours_share_a_network_and_own_machines_do_not() {
        for (address, expected) in [
            ("93.184.216.34", Some("93.184.216.0/24")),
            ("93.184.216.255", Some("93.184.216.0/24")),
            ("93.184.217.0", Some("93.184.217.0/24")),
            ("::ffff:93.184.216.34", Some("93.184.216.0/24")),
            ("2606:4700:4700:1::1111", Some("2606:4700:4700:1::/64")),
            ("2606:4700:4700:1:ffff::", Some("2606:4700:4700:1::/64")),
            ("127.0.0.1", None),
            ("::1", None),
            ("10.0.0.7", None),
            ("192.168.1.9", None),
            ("fd00::1", None),
            ("100.64.3.4", None),
        ] {
            assert_eq!(network(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn one_network_holds_at_most_what_may_be_lost_unless_zones_are_named() {
        let names = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];
        let near = |name: &'static str, zone: &'static str| {
            let domains = FailureDomains { zone, network: "93.184.216.0/24", ..candidate(name).domains };
            Candidate { domains, ..candidate(name) }
        };
        let mut all: Vec<_> = names.iter().map(|name| candidate(name)).collect();
        (0..4).for_each(|at| all[at] = near(names[at], ""));
        let most = |all: &[Candidate<'_>]| {
            let held = |number: u8| {
                let blob = BlobId::new(1, [number; 12]);
                let chosen = choose(all, scheme("rs-4-2"), &blob).expect("eight").chosen;
                chosen.iter().filter(|at| **at < 4).count()
            };
            (0..200).map(held).max()
        };
        assert_eq!(most(&all), Some(2), "four neighbours count as one zone");
        (0..4).for_each(|at| all[at] = near(names[at], ["a", "b", "c", "d"][at]));
        assert_eq!(most(&all), Some(4), "what the operator says of zones goes before addresses");
        let alike: Vec<_> = names[..6].iter().map(|name| near(name, "")).collect();
        assert_eq!(zone_at_risk(&alike, scheme("rs-4-2")), Some("93.184.216.0/24"));
    }

    proptest! {
        #[test]
        fn addresses_share_a_network_exactly_when_they_share_its_bits(one: u32, other: u32, near: bool) {
            let other = if near { (one & !0xff) | (other & 0xff) } else { other };
            let of = |bits: u32| network_of(Ipv4Addr::from(bits).into());
            if let (Some(first), Some(second)) = (of(one), of(other)) {
                prop_assert_eq!(first == second, one >> 8 == other >> 8);
            }
        }
    }
}
