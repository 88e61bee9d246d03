//! `blkio_config:` of a service: how much it may use block devices.

use std::collections::BTreeMap;

use super::nested;
use crate::environment::Blkio;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Node, quoted};

/// Weights and rates.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Blkio {
    let Some(mut fields) = nested(fields, "blkio_config", decoder) else { return Blkio::default() };
    let rate = |node: &Node, decoder: &mut Decoder<'_>| decoder.bytes(node);
    let count = |node: &Node, decoder: &mut Decoder<'_>| decoder.number(node, 1..=u64::MAX);
    let blkio = Blkio {
        weight: fields.get("weight").and_then(|node| weight(node, decoder)),
        weight_device: devices(&mut fields, "weight_device", "weight", decoder, weight),
        device_read_bps: devices(&mut fields, "device_read_bps", "rate", decoder, rate),
        device_read_iops: devices(&mut fields, "device_read_iops", "rate", decoder, count),
        device_write_bps: devices(&mut fields, "device_write_bps", "rate", decoder, rate),
        device_write_iops: devices(&mut fields, "device_write_iops", "rate", decoder, count),
    };
    fields.finish(decoder);
    blkio
}

fn weight(node: &Node, decoder: &mut Decoder<'_>) -> Option<u16> {
    decoder.number(node, 10..=1000).and_then(|weight| u16::try_from(weight).ok())
}

/// A list of `{ path: …, <value>: … }`.
fn devices<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    value: &'static str,
    decoder: &mut Decoder<'_>,
    read: impl Fn(&Node, &mut Decoder<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    let items = fields.get(key).map(|node| decoder.list(node)).unwrap_or_default();
    for item in items {
        let mut fields = decoder.map(item, item.span);
        let path = fields.required("path", decoder).and_then(|node| {
            let path = decoder.text(node)?;
            if !path.starts_with("/dev/") {
                decoder.problem_with_help(node.span, format!("{} is not a device", quoted(path)), "write `/dev/sda`");
            }
            Some(path.to_owned())
        });
        let value = fields.required(value, decoder).and_then(|node| read(node, decoder));
        fields.finish(decoder);
        found.extend(path.zip(value));
    }
    found
}
