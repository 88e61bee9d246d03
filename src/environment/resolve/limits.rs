//! How much a service's container may use: `mem_limit`, `cpus` and the like, and `deploy.resources`.

use std::collections::BTreeMap;

use super::words::{pairs, text, texts};
use super::{blkio, keys, nested};
use crate::environment::{DeviceRequest, Limits, Ulimit};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Kind, Node};
use crate::manifest::source::Span;

/// What a driver is asked for where the manifest names no capability.
const GPU: &str = "gpu";

/// What a process can be limited in.
pub(super) const ULIMITS: [&str; 16] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
    "as",
];

/// Limits, and devices that drivers provide.
pub(super) fn decode(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> (Limits, Vec<DeviceRequest>) {
    let mut limits = Limits {
        memory: bytes(fields, "mem_limit", decoder),
        memory_reservation: bytes(fields, "mem_reservation", decoder),
        memory_and_swap: fields.get("memswap_limit").and_then(|node| match node.text() {
            Some("-1") => Some(-1),
            _ => decoder.bytes(node).and_then(|bytes| i64::try_from(bytes).ok()),
        }),
        swappiness: number(fields, "mem_swappiness", 100, decoder),
        shm_size: bytes(fields, "shm_size", decoder),
        nano_cpus: fields.get("cpus").and_then(|node| decoder.billionths(node)),
        cpu_shares: number(fields, "cpu_shares", 262_144, decoder),
        cpu_period: microseconds(fields, "cpu_period", decoder),
        cpu_quota: microseconds(fields, "cpu_quota", decoder),
        cpu_rt_period: microseconds(fields, "cpu_rt_period", decoder),
        cpu_rt_runtime: microseconds(fields, "cpu_rt_runtime", decoder),
        cpuset: text(fields, "cpuset", decoder),
        pids: fields.get("pids_limit").and_then(|node| decoder.signed(node, -1..=4_194_304)),
        oom_kill_disable: fields.get("oom_kill_disable").and_then(|node| decoder.boolean(node)).unwrap_or(false),
        oom_score_adj: fields.get("oom_score_adj").and_then(|node| decoder.signed(node, -1000..=1000)),
        ulimits: ulimits(fields, decoder),
        blkio: blkio::decode(fields, decoder),
    };
    let mut requests = fields.get("gpus").map(|node| gpus(node, decoder)).unwrap_or_default();
    if let Some(deploy) = fields.get("deploy").filter(|node| matches!(node.kind, Kind::Map(_))) {
        // The rest of `deploy` is read where the policy is; this part says what the keys above say.
        let mut deploy = decoder.map(deploy, deploy.span);
        if let Some(resources) = nested(&mut deploy, "resources", decoder) {
            requests.extend(self::resources(resources, &mut limits, decoder));
        }
    }
    (limits, requests)
}

fn resources(mut fields: Fields<'_>, limits: &mut Limits, decoder: &mut Decoder<'_>) -> Vec<DeviceRequest> {
    if let Some(mut fields) = nested(&mut fields, "limits", decoder) {
        let at = fields.at;
        let cpus = fields.get("cpus").and_then(|node| decoder.billionths(node));
        one_of(&mut limits.nano_cpus, cpus, "cpus", at, decoder);
        let memory = bytes(&mut fields, "memory", decoder);
        one_of(&mut limits.memory, memory, "mem_limit", at, decoder);
        let pids = fields.get("pids").and_then(|node| decoder.signed(node, -1..=4_194_304));
        one_of(&mut limits.pids, pids, "pids_limit", at, decoder);
        fields.finish(decoder);
    }
    let mut requests = Vec::new();
    if let Some(mut fields) = nested(&mut fields, "reservations", decoder) {
        let (at, memory) = (fields.at, bytes(&mut fields, "memory", decoder));
        one_of(&mut limits.memory_reservation, memory, "mem_reservation", at, decoder);
        let devices = fields.get("devices").map(|node| decoder.list(node)).unwrap_or_default();
        requests = devices.iter().map(|node| request(node, &[], decoder)).collect();
        fields.finish_compose(decoder, keys::RESERVATIONS);
    }
    fields.finish(decoder);
    requests
}

/// Takes the value of `deploy.resources`; the service's own key may not say something else.
fn one_of<T: PartialEq>(own: &mut Option<T>, other: Option<T>, key: &str, at: Span, decoder: &mut Decoder<'_>) {
    match (&own, other) {
        (Some(own), Some(other)) if *own != other => {
            let message = format!("this is not what `{key}` of the service says");
            decoder.problem_with_help(at, message, "say it in one place");
        }
        (None, other) => *own = other,
        _ => {}
    }
}

/// `all`, or a list of requests.
fn gpus(node: &Node, decoder: &mut Decoder<'_>) -> Vec<DeviceRequest> {
    if node.text() == Some("all") {
        return vec![DeviceRequest { count: -1, capabilities: vec![GPU.to_owned()], ..DeviceRequest::default() }];
    }
    if !matches!(node.kind, Kind::List(_)) {
        decoder.expected(node, "`all` or a list of devices");
        return Vec::new();
    }
    decoder.list(node).iter().map(|node| request(node, &[GPU], decoder)).collect()
}

fn request(node: &Node, implied: &[&str], decoder: &mut Decoder<'_>) -> DeviceRequest {
    let mut fields = decoder.map(node, node.span);
    let ids = texts(&mut fields, "device_ids", decoder);
    let count = fields.get("count").and_then(|node| match node.text() {
        Some("all") => Some(-1),
        _ => decoder.signed(node, -1..=1024),
    });
    if let (Some(entry), false) = (fields.entry("count"), ids.is_empty()) {
        decoder.problem_with_help(entry.key, "`count` and `device_ids` exclude each other", "keep one of them");
    }
    let mut capabilities = texts(&mut fields, "capabilities", decoder);
    capabilities
        .extend(implied.iter().filter(|_| capabilities.is_empty()).map(|&one| one.to_owned()).collect::<Vec<_>>());
    if capabilities.is_empty() {
        fields.lack(decoder, "`capabilities` is missing", "say what the device must be capable of, as `[gpu]`");
    }
    let request = DeviceRequest {
        driver: text(&mut fields, "driver", decoder).unwrap_or_default(),
        // All of them, unless some are named.
        count: count.unwrap_or(if ids.is_empty() { -1 } else { 0 }),
        ids,
        capabilities,
        options: pairs(&mut fields, "options", decoder),
    };
    fields.finish(decoder);
    request
}

fn ulimits(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> BTreeMap<String, Ulimit> {
    let mut found = BTreeMap::new();
    let Some(map) = nested(fields, "ulimits", decoder) else { return found };
    for (name, entry) in map.named() {
        decoder.word(&Node::plain(entry.key, name), &ULIMITS.map(|word| (word, ())));
        let limit = |node: &Node, decoder: &mut Decoder<'_>| decoder.signed(node, -1..=i64::MAX);
        let ulimit = if let Kind::Map(_) = entry.value.kind {
            let mut fields = decoder.map(&entry.value, entry.key);
            let [soft, hard] = ["soft", "hard"]
                .map(|key| fields.required(key, decoder).and_then(|node| limit(node, decoder)).unwrap_or(-1));
            fields.finish(decoder);
            if hard != -1 && (soft > hard || soft == -1) {
                decoder.problem(entry.key, "the soft limit is above the hard one");
            }
            Ulimit { soft, hard }
        } else {
            let both = limit(&entry.value, decoder).unwrap_or(-1);
            Ulimit { soft: both, hard: both }
        };
        found.insert(name.to_owned(), ulimit);
    }
    found
}

fn bytes(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Option<u64> {
    fields.get(key).and_then(|node| decoder.bytes(node))
}

fn number(fields: &mut Fields<'_>, key: &'static str, most: u64, decoder: &mut Decoder<'_>) -> Option<u64> {
    fields.get(key).and_then(|node| decoder.number(node, 0..=most))
}

/// A number of microseconds, or a duration.
fn microseconds(fields: &mut Fields<'_>, key: &'static str, decoder: &mut Decoder<'_>) -> Option<u64> {
    let node = fields.get(key)?;
    if node.text().is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit())) {
        return decoder.number(node, 0..=1_000_000_000);
    }
    decoder.duration(node).and_then(|duration| u64::try_from(duration.as_micros()).ok())
}
