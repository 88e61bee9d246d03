//! Where a container listens. Pure.

use std::net::IpAddr;

use bollard::models::ContainerInspectResponse;

use crate::health::NotReady;

/// Where a port of a container can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// It has a network of its own.
    Container {
        /// Its address there.
        ip: Option<IpAddr>,
        /// Where the engine publishes the port.
        published: Option<Published>,
    },
    /// It shares the network of its host.
    Host,
    /// It has no network.
    Nowhere,
}

/// A published port, by the address and port of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    ip: String,
    port: u16,
}

impl Address {
    /// The address of a TCP port of a running container.
    pub(super) fn of(inspected: &ContainerInspectResponse, port: u16) -> Self {
        if inspected.host_config.as_ref().and_then(|config| config.network_mode.as_deref()) == Some("host") {
            return Self::Host;
        }
        let settings = inspected.network_settings.as_ref();
        // By name, so that every probe asks at the same one.
        let mut networks: Vec<_> =
            settings.and_then(|settings| settings.networks.as_ref()).into_iter().flatten().collect();
        networks.sort_by_key(|(name, _)| *name);
        let ip = networks.iter().find_map(|(_, network)| {
            let addresses = [&network.ip_address, &network.global_ipv6_address];
            addresses.into_iter().flatten().find_map(|text| text.parse().ok())
        });
        let bindings =
            settings.and_then(|settings| settings.ports.as_ref()).and_then(|ports| ports.get(&format!("{port}/tcp")));
        let published = bindings.into_iter().flatten().flatten().find_map(|binding| {
            let port = binding.host_port.as_deref()?.parse().ok()?;
            Some(Published { ip: binding.host_ip.clone().unwrap_or_default(), port })
        });
        if ip.is_none() && published.is_none() { Self::Nowhere } else { Self::Container { ip, published } }
    }
}

impl Published {
    /// Where to connect, for somebody to whom the host itself is at `host`.
    pub(super) fn seen_from(self, host: &str) -> Result<(String, u16), NotReady> {
        match self.ip.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() && host != "127.0.0.1" => Err(NotReady(format!(
                "port {} is published on the host's loopback address only; use an exec check",
                self.port
            ))),
            Ok(ip) if !ip.is_unspecified() => Ok((ip.to_string(), self.port)),
            _ => Ok((host.to_owned(), self.port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(json: &str) -> ContainerInspectResponse {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_port_is_found_at_the_container_and_where_it_is_published() {
        let found = inspected(
            r#"{"HostConfig":{"NetworkMode":"shop-prod_b"},"NetworkSettings":{
                "Ports":{"8080/tcp":[{"HostIp":"0.0.0.0","HostPort":"80"},{"HostIp":"::","HostPort":"80"}],"9000/tcp":null},
                "Networks":{"shop-prod_b":{"IPAddress":"172.19.0.2"},"shop-prod_a":{"IPAddress":"172.18.0.7"}}}}"#,
        );
        let ip = Some("172.18.0.7".parse().unwrap());
        let published = Published { ip: "0.0.0.0".to_owned(), port: 80 };
        assert_eq!(Address::of(&found, 8080), Address::Container { ip, published: Some(published.clone()) });
        assert_eq!(Address::of(&found, 9000), Address::Container { ip, published: None });
        assert_eq!(published.seen_from("web1.example"), Ok(("web1.example".to_owned(), 80)));
    }

    #[test]
    fn a_port_on_loopback_is_out_of_reach_from_elsewhere() {
        let published = Published { ip: "127.0.0.1".to_owned(), port: 80 };
        assert!(published.clone().seen_from("10.0.0.1").is_err());
        assert_eq!(published.seen_from("127.0.0.1"), Ok(("127.0.0.1".to_owned(), 80)));
        let other = Published { ip: "10.9.9.9".to_owned(), port: 81 };
        assert_eq!(other.seen_from("10.0.0.1"), Ok(("10.9.9.9".to_owned(), 81)));
    }

    #[test]
    fn a_container_without_a_network_of_its_own_is_at_its_host_or_nowhere() {
        let host = r#"{"HostConfig":{"NetworkMode":"host"},"NetworkSettings":{"Networks":{"host":{"IPAddress":""}}}}"#;
        let none = r#"{"HostConfig":{"NetworkMode":"none"},"NetworkSettings":{"Networks":{"none":{"IPAddress":""}}}}"#;
        assert_eq!(Address::of(&inspected(host), 80), Address::Host);
        assert_eq!(Address::of(&inspected(none), 80), Address::Nowhere);
    }
}
