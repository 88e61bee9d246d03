//! What the engine counts of a container, in our words. Pure.

use bollard::models::{ContainerCpuStats, ContainerStatsResponse};

use crate::engine::usage::Usage;

/// The name of what the kernel can take back, in both of its ways to count.
const INACTIVE: [&str; 2] = ["inactive_file", "total_inactive_file"];

pub(super) fn usage(stats: &ContainerStatsResponse) -> Usage {
    let memory = stats.memory_stats.clone().unwrap_or_default();
    let details = memory.stats.unwrap_or_default();
    let inactive = INACTIVE.iter().find_map(|name| details.get(*name)).copied().unwrap_or_default();
    let networks = stats.networks.iter().flatten().map(|(_, network)| network);
    let (received, sent) = networks.fold((0, 0), |(received, sent), network| {
        (received + network.rx_bytes.unwrap_or_default(), sent + network.tx_bytes.unwrap_or_default())
    });
    let blocks = stats.blkio_stats.as_ref().and_then(|blocks| blocks.io_service_bytes_recursive.as_deref());
    let blocks = |name: &str| -> u64 {
        let of_name = blocks
            .unwrap_or_default()
            .iter()
            .filter(|entry| entry.op.as_deref().is_some_and(|op| op.eq_ignore_ascii_case(name)));
        of_name.filter_map(|entry| entry.value).sum()
    };
    Usage {
        cpu: cpu(stats.precpu_stats.as_ref(), stats.cpu_stats.as_ref()).unwrap_or_default(),
        memory: memory.usage.unwrap_or_default().saturating_sub(inactive),
        memory_limit: memory.limit.unwrap_or_default(),
        received,
        sent,
        read: blocks("read"),
        written: blocks("write"),
    }
}

/// Of what all processors did between two looks, its part.
#[expect(clippy::cast_precision_loss, reason = "percent, for people")]
fn cpu(before: Option<&ContainerCpuStats>, now: Option<&ContainerCpuStats>) -> Option<f64> {
    let (before, now) = (before?, now?);
    let total = |stats: &ContainerCpuStats| stats.cpu_usage.as_ref()?.total_usage;
    let own = total(now)?.saturating_sub(total(before).unwrap_or_default());
    let all = now.system_cpu_usage?.saturating_sub(before.system_cpu_usage?);
    let counted = now.cpu_usage.as_ref().and_then(|usage| usage.percpu_usage.as_ref()).map_or(1, Vec::len);
    let processors = now.online_cpus.filter(|count| *count > 0).map_or(counted as f64, f64::from);
    (all > 0).then(|| own as f64 / all as f64 * processors * 100.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_and_sums_are_those_of_the_container() {
        let stats: ContainerStatsResponse = serde_json::from_value(json!({
            "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000, "online_cpus": 4},
            "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 12_000},
            "memory_stats": {"usage": 900, "limit": 4000, "stats": {"inactive_file": 100, "total_inactive_file": 1}},
            "networks": {"a": {"rx_bytes": 5, "tx_bytes": 7}, "b": {"rx_bytes": 10}},
            "blkio_stats": {"io_service_bytes_recursive": [
                {"op": "Read", "value": 1}, {"op": "read", "value": 2}, {"op": "Write", "value": 8}, {"op": "Total", "value": 11},
            ]},
        }))
        .unwrap();
        let expected =
            Usage { cpu: 100.0, memory: 800, memory_limit: 4000, received: 15, sent: 7, read: 3, written: 8 };
        assert_eq!(usage(&stats), expected);
        assert_eq!(usage(&ContainerStatsResponse::default()), Usage::default());
    }
}
