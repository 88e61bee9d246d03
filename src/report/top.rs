//! What the containers of all hosts use.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::usage::Usage;
use crate::name::{HostName, ServiceName};

use super::Answer;
use super::page::{Page, silent};
use super::style::{Tone, took};
use super::table::Table;

/// A container that runs.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Where.
    pub host: HostName,
    /// Of which service.
    pub service: ServiceName,
    /// Number of the release that created it.
    pub release: u64,
    /// Its name.
    pub container: String,
    /// Since when it runs, by the host's clock.
    pub since: Option<Timestamp>,
    /// How often the engine has started it again.
    pub restarts: u64,
    /// What it uses; `None` if the engine does not say.
    pub usage: Option<Usage>,
}

/// All of them.
#[derive(Debug)]
pub struct TopAnswer {
    /// By host and service.
    pub rows: Vec<Row>,
    /// Hosts that did not answer.
    pub unreachable: Vec<(HostName, String)>,
    /// By the operator's clock.
    pub now: Timestamp,
}

impl Answer for TopAnswer {
    fn json(&self) -> (&'static str, Value) {
        ("top", json!({ "rows": self.rows, "unreachable": self.unreachable }))
    }

    fn text(&self) -> String {
        let headings = [
            "HOST",
            "SERVICE",
            "RELEASE",
            "CPU",
            "MEMORY",
            "NETWORK IN / OUT",
            "DISK READ / WRITTEN",
            "RESTARTS",
            "UP",
        ];
        let mut table = Table::new(&headings);
        for row in &self.rows {
            let up = row.since.and_then(|since| self.now.duration_since(since).try_into().ok()).map(took);
            let used = row.usage.as_ref().map(|usage| {
                [
                    format!("{:.1} %", usage.cpu),
                    format!("{} of {}", size(usage.memory), size(usage.memory_limit)),
                    format!("{} / {}", size(usage.received), size(usage.sent)),
                    format!("{} / {}", size(usage.read), size(usage.written)),
                ]
            });
            let [cpu, memory, network, disk] = used.unwrap_or_default();
            let tone = if row.restarts > 0 { Tone::Warning } else { Tone::Neutral };
            let (host, service) = (row.host.to_string(), row.service.to_string());
            let cells =
                [host, service, format!("r{}", row.release), cpu, memory, network, disk, row.restarts.to_string()];
            table.row(tone, cells.into_iter().chain([up.unwrap_or_default()]));
        }
        let mut page = Page::default();
        if table.is_empty() {
            page.line(Tone::Neutral, "no container runs on these hosts");
        } else {
            page.ready(&table.text());
        }
        silent(&mut page, &self.unreachable);
        page.into_text()
    }
}

/// Bytes in a unit in which they are easy to compare.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, "B");
    for larger in units {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (3 << 50, "3072.0 TiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
