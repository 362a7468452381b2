//! Which addresses are those of the open internet.

use std::net::{IpAddr, Ipv6Addr};

/// Whether an address is one of the open internet.
#[must_use]
pub fn is_public_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let protocol = a == 192 && b == 0 && address.octets()[2] == 0;
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || shared
                || protocol
                || benchmark
                || a == 0
                || a >= 240)
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // Global unicast is 2000::/3; ranges inside it that map or tunnel IPv4 are refused.
    let global = (0x2000..0x4000).contains(&first);
    let documentation = first == 0x2001 && address.segments()[1] == 0x0db8;
    let tunnel = first == 0x2002 || (first == 0x2001 && address.segments()[1] == 0);
    global && !documentation && !tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public_address() {
        let table = [
            ("1.1.1.1", true),
            ("93.184.216.34", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("198.18.0.1", false),
            ("2606:4700:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("2002:7f00:1::", false),
            ("2001:0:7f00:1::", false),
            ("64:ff9b::7f00:1", false),
        ];
        for (address, public) in table {
            assert_eq!(is_public_address(address.parse().unwrap()), public, "{address}");
        }
    }
}
