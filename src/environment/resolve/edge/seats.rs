//! Which addresses are a service's seats. By its name alone: no other service's coming or going changes them.

use core::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use crate::environment::Seat;
use crate::environment::edge::SEATS_EACH;

/// Groups of seats in a network of 65536 addresses, without the first, which holds the gateway, and the last.
const GROUPS: u32 = 65536 / SEATS_EACH - 2;

/// The seats of a service.
pub(super) fn seats(subnet: Ipv4Addr, service: &str) -> Vec<Seat> {
    let digest = Sha256::digest(format!("{subnet} {service}"));
    let group = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % GROUPS + 1;
    let first = u32::from(subnet) + group * SEATS_EACH;
    let seat = |number: u32| Seat { server: format!("{service}.{}", number + 1), address: (first + number).into() };
    (0..SEATS_EACH).map(seat).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_lie_within_the_network_and_are_each_services_own() {
        let subnet = Ipv4Addr::new(198, 18, 0, 0);
        let mut all = std::collections::BTreeSet::new();
        for name in ["web", "api", "web-2", "shop", "admin"] {
            for seat in seats(subnet, name) {
                assert_eq!(seat.address.octets()[..2], [198, 18], "{seat:?}");
                assert!(!matches!(seat.address.octets(), [_, _, 0, 0 | 1] | [_, _, 255, 255]), "{seat:?}");
                assert!(all.insert(seat.address), "{seat:?} is taken");
            }
        }
        assert_eq!(seats(subnet, "web"), seats(subnet, "web"));
        assert_ne!(seats(subnet, "web"), seats(Ipv4Addr::new(10, 9, 0, 0), "web"));
    }
}
