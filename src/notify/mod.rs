//! Tells people and programs elsewhere what comes of a rollout. It hears events as a screen does, and tells in the
//! background: nothing waits for it before the end, and nothing depends on it. Deliberately absent: anything that
//! could make a rollout fail or wait.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::environment::notify::Recipient;
use crate::environment::{Notification, Occasion, Secret};
use crate::event::{Event, EventSink, Record};
use crate::hook::Facts;
use crate::hook::facts::Moment;
use crate::name::SecretName;
use crate::redact::Redactor;
use crate::rollout::report::Outcome;

mod program;
mod web;
pub mod words;

/// Between the first attempt and the second.
const PAUSE: Duration = Duration::from_secs(1);
/// What an attempt may take beyond its own limit.
const SLACK: Duration = Duration::from_secs(10);

/// A way to one recipient.
#[async_trait]
trait Way: Send + Sync {
    /// Tells them once.
    async fn tell(&self, facts: &Facts) -> Result<(), Untold>;
}

/// Why somebody could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Untold {
    /// For people.
    why: String,
    /// Whether another attempt may go better.
    may_pass: bool,
}

impl Untold {
    /// For good.
    fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_pass: false }
    }
}

/// Tells everybody. An [`EventSink`] beside the screen; [`finish`](Self::finish) says who could not be told.
pub struct Notifier {
    recipients: Mutex<Vec<Queue>>,
    known: Mutex<Option<Facts>>,
}

struct Queue {
    name: String,
    on: BTreeSet<Occasion>,
    told: UnboundedSender<Facts>,
    telling: JoinHandle<Vec<String>>,
    longest: Duration,
}

impl Notifier {
    /// For these recipients, who are told in the background from here on. One whose secret is not in `secrets` is not told,
    /// and `finish` says so.
    pub fn new(
        all: &BTreeMap<String, Notification>,
        root: &Path,
        secrets: &BTreeMap<SecretName, Secret>,
        redactor: &Redactor,
    ) -> Self {
        let queues = all.iter().map(|(name, one)| {
            let way = open(one, root, secrets, redactor);
            let (told, mut heard) = unbounded_channel::<Facts>();
            let limit = one.timeout + SLACK;
            let telling = tokio::spawn(async move {
                let mut untold = Vec::new();
                while let Some(facts) = heard.recv().await {
                    if let Err(why) = tell(way.as_ref(), &facts, limit).await {
                        untold.push(why);
                    }
                }
                untold
            });
            // Two messages, twice each.
            let longest = (one.timeout + PAUSE) * 4;
            Queue { name: name.clone(), on: one.on.clone(), told, telling, longest }
        });
        Self { recipients: Mutex::new(queues.collect()), known: Mutex::default() }
    }

    /// Waits until everybody has been told, and says who could not be, and why.
    pub async fn finish(&self) -> Vec<(String, String)> {
        let queues = std::mem::take(&mut *self.recipients.lock().unwrap_or_else(PoisonError::into_inner));
        let ends = queues.into_iter().map(async |Queue { name, told, telling, longest, .. }| {
            drop(told);
            let mut telling = telling;
            let untold = match timeout(longest, &mut telling).await {
                Ok(Ok(untold)) => untold,
                Ok(Err(fault)) => vec![fault.to_string()],
                Err(_) => {
                    telling.abort();
                    vec!["no answer in time".to_owned()]
                }
            };
            untold.into_iter().map(move |why| (name.clone(), why)).collect::<Vec<_>>()
        });
        futures_util::future::join_all(ends).await.into_iter().flatten().collect()
    }

    fn tell(&self, facts: &Facts) {
        let Moment::Notice(occasion) = facts.moment else { return };
        let recipients = self.recipients.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in recipients.iter().filter(|queue| queue.on.contains(&occasion)) {
            // One whose task has ended is reported by `finish`.
            let _gone = queue.told.send(facts.clone());
        }
    }
}

impl EventSink for Notifier {
    fn take(&self, record: &Record) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (&record.event, &mut *known) {
            (Event::RolloutStarted { rollout, by, plan }, known) => {
                *known = Some(Facts::planned(Moment::Notice(Occasion::Start), plan, rollout, by));
            }
            (Event::Locked, Some(facts)) => {
                facts.text = Some(words::begun(facts));
                self.tell(facts);
            }
            (Event::Finished(report), Some(facts)) => {
                let mut facts = Facts { moment: Moment::Notice(after(&report.outcome)), ..facts.clone().ended(report) };
                // What a container printed is for the operator, and not for whoever reads along elsewhere.
                facts.failure.iter_mut().for_each(|failure| failure.log.clear());
                self.tell(&Facts { text: Some(words::ended(&facts, report)), ..facts });
            }
            _ => {}
        }
    }
}

/// What somebody is told of after the end.
fn after(outcome: &Outcome) -> Occasion {
    match outcome {
        Outcome::Completed | Outcome::Canary => Occasion::Success,
        Outcome::RolledBack => Occasion::Rollback,
        Outcome::Partial | Outcome::Halted => Occasion::Mixed,
        Outcome::Cancelled | Outcome::Unchanged | Outcome::Locked(_) => Occasion::Failure,
    }
}

/// Tells once, and once more if that may go better.
async fn tell(way: &dyn Way, facts: &Facts, limit: Duration) -> Result<(), String> {
    let once = async || {
        let late = |_| Untold::for_good("no answer in time");
        timeout(limit, way.tell(facts)).await.map_err(late)?
    };
    match once().await {
        Err(Untold { may_pass: true, .. }) => {
            sleep(PAUSE).await;
            once().await.map_err(|untold| untold.why)
        }
        end => end.map_err(|untold| untold.why),
    }
}

fn open(one: &Notification, root: &Path, secrets: &BTreeMap<SecretName, Secret>, redactor: &Redactor) -> Arc<dyn Way> {
    let limit = one.timeout;
    let web = match &one.to {
        Recipient::Command(words) => return Arc::new(program::Program::new(words, limit, root, redactor)),
        Recipient::Webhook { target, headers } => web::Web::open(target, Some(headers), root, secrets, limit),
        Recipient::Slack(target) => web::Web::open(target, None, root, secrets, limit),
    };
    match web {
        Ok(web) => Arc::new(web),
        Err(why) => Arc::new(Unopened(why)),
    }
}

/// A recipient who cannot be told.
struct Unopened(String);

#[async_trait]
impl Way for Unopened {
    async fn tell(&self, _: &Facts) -> Result<(), Untold> {
        Err(Untold::for_good(self.0.clone()))
    }
}
