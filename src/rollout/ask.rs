//! What was measured of a batch, asked when it has been watched. No data, and no answer, is a failure.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::environment::query::Query;
use crate::event::{Event, Failure};
use crate::metrics::Sample;
use crate::plan::Batch;
use crate::rollout::report::{Asked, Number};
use crate::rollout::run::{CALL, Run};

/// Questions that get no answer, in all; and from one to the next.
const QUESTIONS: u32 = 3;
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Numbers that are kept as evidence.
const EVIDENCE: usize = 10;

/// Asks everything, in order; the first answer that is not as it may be is the failure.
pub(super) async fn all(run: &Run<'_>, batch: &Batch) -> Result<(), Failure> {
    for query in &batch.queries {
        let samples = match ask(run, query).await {
            Ok(samples) => samples,
            Err(why) => return Err(failure(batch, query, &why)),
        };
        if samples.is_empty() {
            return Err(failure(batch, query, "there is no data"));
        }
        let (bad, good): (Vec<_>, Vec<_>) =
            samples.into_iter().partition(|sample| !query.bound.admits(sample.number()));
        let passed = bad.is_empty();
        let first = bad.first().map(|sample| format!("{}{}", sample.value, about(sample)));
        let numbers = bad.into_iter().chain(good).take(EVIDENCE);
        let numbers = numbers.map(|Sample { labels, value }| Number { labels, value }).collect();
        let asked = Asked { service: batch.service.clone(), query: query.clone(), numbers, passed };
        run.recorder.note(Event::Asked(asked.clone()));
        run.asked(asked);
        if let Some(first) = first {
            return Err(failure(batch, query, &format!("the answer is {first}")));
        }
    }
    Ok(())
}

fn about(sample: &Sample) -> String {
    if sample.labels.is_empty() { String::new() } else { format!(" for {}", sample.labels) }
}

async fn ask(run: &Run<'_>, query: &Query) -> Result<Vec<Sample>, String> {
    let door = run.doors.metrics.get(&query.prometheus).ok_or("nobody is there to be asked")?;
    let mut last = String::new();
    for question in 1..=QUESTIONS {
        last = match timeout(CALL, door.ask(&query.query)).await {
            Ok(Ok(samples)) => return Ok(samples),
            Ok(Err(why)) => why,
            Err(_) => "no answer".to_owned(),
        };
        if question < QUESTIONS {
            sleep(ASK_AGAIN).await;
        }
    }
    Err(last)
}

fn failure(batch: &Batch, query: &Query, why: &str) -> Failure {
    let host = match batch.replacements.as_slice() {
        [one] => Some(one.host.clone()),
        _ => None,
    };
    let reason = format!("{query}: {why}");
    Failure { host, service: Some(batch.service.clone()), doing: "ask Prometheus".to_owned(), reason, log: Vec::new() }
}
