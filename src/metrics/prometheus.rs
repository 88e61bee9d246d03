//! Prometheus, by its HTTP API: `GET /api/v1/query`, an answer in JSON.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Metrics, Sample};
use crate::image::printable::printable;
use crate::registry::{bounded, chain};
use crate::store::http;

/// Characters of a refusal that are shown.
const WORDS: usize = 300;
/// Bytes of an answer that are read.
const LONGEST: usize = 4 * 1024 * 1024;

/// One Prometheus, or what answers like it.
pub struct Prometheus {
    client: Result<Client, String>,
    address: String,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Json,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: (Json, String),
}

impl Prometheus {
    /// Contacts nobody yet. A `ca` that cannot be used is said by the first answer.
    pub fn new(address: &str, ca: Option<&Path>) -> Self {
        Self { client: http::client_with(ca), address: address.to_owned() }
    }
}

#[async_trait]
impl Metrics for Prometheus {
    async fn ask(&self, query: &str) -> Result<Vec<Sample>, String> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let url = format!("{}/api/v1/query?query={}", self.address, utf8_percent_encode(query, NON_ALPHANUMERIC));
        let lost = |error: reqwest::Error| printable(&chain(&error.without_url()));
        let answer = client.get(url).send().await.map_err(lost)?;
        let status = answer.status();
        let endless = || format!("its answer is longer than {LONGEST} bytes");
        let bytes = bounded(answer, LONGEST).await.map_err(lost)?.ok_or_else(endless)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match serde_json::from_str::<Answer>(&text) {
            Ok(answer) if status.is_success() && answer.status == "success" => samples(answer),
            Ok(answer) if !answer.error.is_empty() => Err(format!("it answered {status}: {}", words(&answer.error))),
            Ok(_) | Err(_) if !status.is_success() => Err(format!("it answered {status}: {}", words(&text))),
            Ok(answer) => Err(format!("it answered with the status `{}`", words(&answer.status))),
            Err(error) => Err(format!("its answer cannot be read: {error}")),
        }
    }
}

/// The numbers of an answer that is whole.
fn samples(answer: Answer) -> Result<Vec<Sample>, String> {
    if let Some(warning) = answer.warnings.first() {
        return Err(format!("its answer may not be whole: {}", words(warning)));
    }
    let data = answer.data.ok_or("its answer has no data")?;
    let unreadable = |error: serde_json::Error| format!("its answer cannot be read: {error}");
    match data.result_type.as_str() {
        "vector" => {
            let series: Vec<Series> = serde_json::from_value(data.result).map_err(unreadable)?;
            Ok(series
                .into_iter()
                .map(|one| Sample { labels: labels(&one.metric), value: words(&one.value.1) })
                .collect())
        }
        "scalar" => {
            let (_, value): (Json, String) = serde_json::from_value(data.result).map_err(unreadable)?;
            Ok(vec![Sample { labels: String::new(), value: words(&value) }])
        }
        other => Err(format!("its answer is a {}, and not numbers of now", words(other))),
    }
}

fn labels(metric: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = metric.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if labels.is_empty() { String::new() } else { words(&format!("{{{}}}", labels.join(","))) }
}

fn words(text: &str) -> String {
    printable(text.trim()).chars().take(WORDS).collect()
}
