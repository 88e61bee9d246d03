//! The top-level `networks` and `volumes`.

use std::collections::BTreeMap;

use super::words::{pairs, text};
use super::{keys, nested};
use crate::environment::{NetworkSpec, Subnet, VolumeSpec};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::quoted;
use crate::name::ResourceName;

/// A network declared under `name`.
pub(super) fn network(name: &str, mut fields: Fields<'_>, prefix: &str, decoder: &mut Decoder<'_>) -> NetworkSpec {
    let (full, external) = identity(name, &mut fields, prefix, decoder);
    let flag = |fields: &mut Fields<'_>, key, decoder: &mut Decoder<'_>| {
        fields.get(key).and_then(|node| decoder.boolean(node)).unwrap_or(false)
    };
    let plain = NetworkSpec::plain(full);
    let spec = NetworkSpec {
        external,
        driver: text(&mut fields, "driver", decoder).unwrap_or(plain.driver),
        options: pairs(&mut fields, "driver_opts", decoder),
        labels: labels(&mut fields, decoder),
        internal: flag(&mut fields, "internal", decoder),
        ipv6: flag(&mut fields, "enable_ipv6", decoder),
        subnets: subnets(&mut fields, decoder),
        name: plain.name,
    };
    nothing_else(
        external && NetworkSpec { external: false, ..spec.clone() } != NetworkSpec::plain(spec.name.clone()),
        &fields,
        decoder,
    );
    fields.finish_compose(decoder, keys::NETWORK);
    spec
}

/// A volume declared under `name`.
pub(super) fn volume(name: &str, mut fields: Fields<'_>, prefix: &str, decoder: &mut Decoder<'_>) -> VolumeSpec {
    let (full, external) = identity(name, &mut fields, prefix, decoder);
    let plain = VolumeSpec::plain(full);
    let spec = VolumeSpec {
        external,
        driver: text(&mut fields, "driver", decoder).unwrap_or(plain.driver),
        options: pairs(&mut fields, "driver_opts", decoder),
        labels: labels(&mut fields, decoder),
        name: plain.name,
    };
    nothing_else(
        external && VolumeSpec { external: false, ..spec.clone() } != VolumeSpec::plain(spec.name.clone()),
        &fields,
        decoder,
    );
    fields.finish(decoder);
    spec
}

/// Full name on the host, and whether somebody else makes it. Without a `name:`, what is ours gets the project's
/// prefix, and what is not is called as it is here.
fn identity(name: &str, fields: &mut Fields<'_>, prefix: &str, decoder: &mut Decoder<'_>) -> (String, bool) {
    let external = fields.get("external").and_then(|node| decoder.boolean(node)).unwrap_or(false);
    let own = fields.get("name").and_then(|node| decoder.parsed::<ResourceName>(node, "a name"));
    let default = || if external { name.to_owned() } else { format!("{prefix}_{name}") };
    (own.map_or_else(default, |own| own.to_string()), external)
}

fn nothing_else(is_described: bool, fields: &Fields<'_>, decoder: &mut Decoder<'_>) {
    if is_described {
        let help = "keep only `name` beside `external: true`";
        decoder.problem_with_help(fields.at, "what is external is made by somebody else, and not described here", help);
    }
}

fn labels(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<String, String> {
    let pairs = fields.get("labels").map(|node| decoder.pairs(node)).unwrap_or_default();
    for pair in pairs.iter().filter(|pair| pair.key.starts_with("shipctl.")) {
        let message = format!("{}: labels that begin with `shipctl.` are set by shipctl alone", quoted(&pair.key));
        decoder.problem(pair.span, message);
    }
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

fn subnets(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Vec<Subnet> {
    let Some(mut ipam) = nested(fields, "ipam", decoder) else { return Vec::new() };
    let items = ipam.get("config").map(|node| decoder.list(node)).unwrap_or_default();
    let mut found = Vec::new();
    for item in items {
        let mut fields = decoder.map(item, item.span);
        let subnet = fields.required("subnet", decoder).and_then(|node| {
            let text = decoder.text(node)?;
            let sound = text.split_once('/').is_some_and(|(address, bits)| {
                address.parse::<std::net::IpAddr>().is_ok_and(|address| {
                    bits.parse::<u8>().is_ok_and(|bits| bits <= if address.is_ipv4() { 32 } else { 128 })
                })
            });
            if !sound {
                let message = format!("{} is not a range of addresses", quoted(text));
                decoder.problem_with_help(node.span, message, "write `10.20.0.0/16`");
            }
            Some(text.to_owned())
        });
        let (ip_range, gateway) = (text(&mut fields, "ip_range", decoder), text(&mut fields, "gateway", decoder));
        fields.finish_compose(decoder, &["aux_addresses"]);
        found.extend(subnet.map(|subnet| Subnet { subnet, ip_range, gateway }));
    }
    ipam.finish_compose(decoder, &["driver", "options"]);
    found
}
