//! New servers against old ones, by what balancers count of them: from when a container gets requests to the end of its
//! batch's monitor. What cannot be counted is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::balancer::counters::Counters;
use crate::environment::Route;
use crate::environment::error_rate::{Inconclusive, Tally, Verdict};
use crate::event::{Event, Failure};
use crate::name::BalancerName;
use crate::plan::comparison::Comparison;
use crate::plan::{Batch, Replacement};
use crate::rollout::gate::GateFailure;
use crate::rollout::report::Compared;
use crate::rollout::run::{CALL, Run};

/// From one look at the counters to the next: a release that clearly fails is not watched to the end.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Looks at counters that fail, in all.
const LOOKS: u32 = 3;

/// What balancers had counted at some time.
pub(super) type Counted = BTreeMap<(BalancerName, String), Counters>;

/// Keeps what is counted right before a replacement gets requests, where its batch is compared.
pub(super) async fn begin(run: &Run<'_>, replacement: &Replacement) -> Result<(), GateFailure> {
    let same = |one: &Replacement| one.host == replacement.host && one.service == replacement.service;
    let mut compared = run.plan.batches.iter().filter_map(|batch| Some((batch, batch.compare.as_ref()?)));
    let Some((_, comparison)) = compared.find(|(batch, _)| batch.replacements.iter().any(same)) else { return Ok(()) };
    let routes = routes(replacement).chain(&comparison.old);
    let counted = count(run, routes).await.map_err(GateFailure::Unanswered)?;
    run.begin_count(&replacement.host, &replacement.service, counted);
    Ok(())
}

/// Returns when a batch clearly fails, with what shows it; never, if it does not.
pub(super) async fn watch(run: &Run<'_>, batch: &Batch) -> Failure {
    loop {
        sleep(LOOK_AGAIN).await;
        let Some(comparison) = &batch.compare else { continue };
        // What cannot be counted now may be a moment later; the last word is `end`'s.
        if let Ok(compared) = compare(run, batch, comparison).await
            && compared.verdict == Verdict::Fail
        {
            return failed(run, batch, comparison, compared);
        }
    }
}

/// Compares a batch at the end of its monitor.
pub(super) async fn end(run: &Run<'_>, batch: &Batch) -> Result<(), Failure> {
    let Some(comparison) = &batch.compare else { return Ok(()) };
    let compared = match compare(run, batch, comparison).await {
        Ok(compared) => compared,
        Err(why) => return Err(failure(batch, format!("the errors cannot be compared: {why}"))),
    };
    let is_passed = match compared.verdict {
        Verdict::Pass => true,
        Verdict::Fail => false,
        Verdict::Inconclusive => comparison.rate.inconclusive == Inconclusive::Pass,
    };
    if is_passed {
        note(run, compared);
        return Ok(());
    }
    Err(failed(run, batch, comparison, compared))
}

fn failed(run: &Run<'_>, batch: &Batch, comparison: &Comparison, compared: Compared) -> Failure {
    let Compared { new, old, verdict, .. } = compared;
    let rate = &comparison.rate;
    note(run, compared);
    failure(
        batch,
        match verdict {
            Verdict::Inconclusive => format!(
                "too few requests to compare errors: {} on the new servers and {} on the old, and {} of each are needed",
                new.requests, old.requests, rate.requests
            ),
            Verdict::Fail | Verdict::Pass => format!(
                "requests fail: {new} on the new servers and {old} on the old, and at most {} more may",
                rate.above_old
            ),
        },
    )
}

fn note(run: &Run<'_>, compared: Compared) {
    run.recorder.note(Event::Compared(compared.clone()));
    run.compared(compared);
}

fn failure(batch: &Batch, reason: String) -> Failure {
    let host = match batch.replacements.as_slice() {
        [one] => Some(one.host.clone()),
        _ => None,
    };
    Failure { host, service: Some(batch.service.clone()), doing: "compare errors".to_owned(), reason, log: Vec::new() }
}

/// What new and old servers did since each of the new ones got requests.
async fn compare(run: &Run<'_>, batch: &Batch, comparison: &Comparison) -> Result<Compared, String> {
    let now = count(run, batch.replacements.iter().flat_map(routes).chain(&comparison.old)).await?;
    let (mut new, mut old, mut first) = (Tally::default(), Tally::default(), None);
    for replacement in &batch.replacements {
        let begun = run.begun_count(&replacement.host, &replacement.service);
        let begun = begun.ok_or_else(|| format!("nothing was counted before {} got requests", replacement.host))?;
        for route in routes(replacement) {
            new = new.and(since(route, &now, &begun)?);
        }
        first.get_or_insert(begun);
    }
    let first = first.ok_or("the batch has no hosts")?;
    for route in &comparison.old {
        old = old.and(since(route, &now, &first)?);
    }
    let hosts = batch.replacements.iter().map(|one| one.host.clone()).collect();
    let verdict = comparison.rate.verdict(new, old);
    Ok(Compared { service: batch.service.clone(), hosts, new, old, verdict })
}

fn since(route: &Route, now: &Counted, begun: &Counted) -> Result<Tally, String> {
    let key = (route.balancer.clone(), route.backend.clone());
    let both = now.get(&key).zip(begun.get(&key));
    both.and_then(|(now, begun)| now.since(begun, &route.server)).ok_or_else(|| format!("{route} is not counted"))
}

async fn count<'r>(run: &Run<'_>, routes: impl Iterator<Item = &'r Route>) -> Result<Counted, String> {
    let backends: BTreeSet<_> = routes.map(|route| (&route.balancer, &route.backend)).collect();
    let mut counted = Counted::new();
    for (balancer, backend) in backends {
        counted.insert((balancer.clone(), backend.clone()), look(run, balancer, backend).await?);
    }
    Ok(counted)
}

/// One look that gets no answer is no reason to give up.
async fn look(run: &Run<'_>, balancer: &BalancerName, backend: &str) -> Result<Counters, String> {
    let door = run.doors.counting.get(balancer).ok_or_else(|| format!("balancer {balancer} does not count"))?;
    let mut last = String::new();
    for _ in 0..LOOKS {
        last = match timeout(CALL, door.counters(backend)).await {
            Ok(Ok(counters)) => return Ok(counters),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        sleep(LOOK_AGAIN / 10).await;
    }
    Err(format!("balancer {balancer}: {last}"))
}

fn routes(replacement: &Replacement) -> impl Iterator<Item = &Route> {
    replacement.traffic.iter().flat_map(|traffic| &traffic.routes)
}
