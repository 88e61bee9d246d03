//! What a journal tells of one rollout: who did what where, from when to when, and what came of it. A fold of its records,
//! and pure.

use jiff::Timestamp;

use crate::environment::Point;
use crate::event::{Direction, Event, Record, Warning};
use crate::name::{HostName, JobName, ServiceName};
use crate::plan::{Plan, Step};
use crate::rollout::report::Report;

/// One rollout, as its journal tells it.
#[derive(Debug, Clone)]
pub struct Story {
    /// Its id.
    pub rollout: String,
    /// `user@machine`.
    pub by: String,
    /// What was to be done.
    pub plan: Box<Plan>,
    /// When it began, by the operator's clock.
    pub began: Timestamp,
    /// When its last record was written.
    pub ended: Timestamp,
    /// What it came to; `None` if it has not ended, or was killed.
    pub report: Option<Box<Report>>,
    /// What took time, in the order in which it began.
    pub spans: Vec<Span>,
    /// Its batches.
    pub batches: Vec<BatchSpan>,
    /// All records.
    pub records: Vec<Record>,
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where; `None` if it is about no host.
    pub host: Option<HostName>,
    /// Which service.
    pub service: Option<ServiceName>,
    /// What.
    pub what: What,
    /// Whether it undoes something.
    pub direction: Direction,
    /// When it began.
    pub from: Timestamp,
    /// When it ended, or was last heard of.
    pub to: Timestamp,
    /// How it ended.
    pub end: End,
}

/// What took time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The lock was taken.
    Lock,
    /// A host was made ready.
    Prepare,
    /// A step.
    Step(Step),
    /// A promoted host was watched.
    Monitor,
    /// A job ran.
    Job(JobName),
    /// A hook ran.
    Hook(Point),
    /// A store was changed.
    Publish(String),
    /// A store was put back.
    Withdraw(String),
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Done,
    /// It failed, or was given up.
    Failed(String),
    /// Nothing says that it ended.
    Open,
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSpan {
    /// From 1.
    pub number: usize,
    /// How many there were to be.
    pub of: usize,
    /// Which service.
    pub service: ServiceName,
    /// Which hosts.
    pub hosts: Vec<HostName>,
    /// When it began.
    pub from: Timestamp,
    /// When the next thing began.
    pub to: Timestamp,
}

impl Story {
    /// Puts the records of a journal together; `None` if they do not begin with the start of a rollout.
    pub fn of(records: Vec<Record>) -> Option<Self> {
        let first = records.iter().find(|record| matches!(record.event, Event::RolloutStarted { .. }))?;
        let Event::RolloutStarted { rollout, by, plan } = &first.event else { return None };
        let (rollout, by, plan, began) = (rollout.clone(), by.clone(), plan.clone(), first.at);
        let ended = records.last().map_or(began, |record| record.at);
        let mut story =
            Self { rollout, by, plan, began, ended, report: None, spans: Vec::new(), batches: Vec::new(), records };
        let records = std::mem::take(&mut story.records);
        for record in &records {
            story.take(record);
        }
        for span in story.spans.iter_mut().filter(|span| span.end == End::Open) {
            span.to = ended;
        }
        if let Some(batch) = story.batches.last_mut().filter(|batch| batch.to == batch.from) {
            batch.to = ended;
        }
        story.records = records;
        Some(story)
    }

    fn take(&mut self, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::Locking(_) => self.open(at, None, None, What::Lock),
            Event::Locked => self.close(at, None, None, &What::Lock, End::Done),
            Event::Preparing(host) => self.open(at, Some(host), None, What::Prepare),
            Event::Prepared(host) => self.close(at, Some(host), None, &What::Prepare, End::Done),
            Event::Publishing { store, .. } => self.open(at, None, None, What::Publish(store.clone())),
            Event::Published { store } => self.close(at, None, None, &What::Publish(store.clone()), End::Done),
            Event::Withdrawing { store } => self.open(at, None, None, What::Withdraw(store.clone())),
            Event::Withdrawn { store } => self.close(at, None, None, &What::Withdraw(store.clone()), End::Done),
            Event::JobStarting { host, job } | Event::JobRunning { host, job, earlier: true } => {
                self.open(at, Some(host), None, What::Job(job.clone()));
            }
            Event::JobDone { host, job, .. } => {
                self.close(at, Some(host), None, &What::Job(job.clone()), End::Done);
            }
            Event::JobLeft { host, job } => {
                let end = End::Failed("goes on by itself".to_owned());
                self.close(at, Some(host), None, &What::Job(job.clone()), end);
            }
            Event::HookStarted { hook, .. } => self.open(at, None, None, What::Hook(*hook)),
            Event::HookDone { hook, .. } => self.close(at, None, None, &What::Hook(*hook), End::Done),
            Event::Warning(Warning::HookFailed { hook, reason }) => {
                self.close(at, None, None, &What::Hook(*hook), End::Failed(reason.clone()));
            }
            Event::BatchStarted { number, of, service, hosts, .. } => {
                self.next(at);
                let (number, of, service, hosts) = (*number, *of, service.clone(), hosts.clone());
                self.batches.push(BatchSpan { number, of, service, hosts, from: at, to: at });
            }
            Event::StepStarted { host, service, step, direction } => {
                self.open(at, Some(host), Some(service), What::Step(step.clone()));
                if let Some(span) = self.spans.last_mut() {
                    span.direction = *direction;
                }
            }
            Event::StepFinished { host, service, step, .. } => {
                self.close(at, Some(host), Some(service), &What::Step(step.clone()), End::Done);
            }
            Event::StepFailed { host, service, step, reason } => {
                let end = End::Failed(reason.clone());
                self.close(at, Some(host), Some(service), &What::Step(step.clone()), end);
            }
            Event::Monitoring { hosts, .. } => {
                for host in hosts {
                    self.open(at, Some(host), None, What::Monitor);
                }
            }
            Event::HostFailed { failure } => {
                let is_its = |span: &&mut Span| span.host == failure.host && span.end == End::Open;
                for span in self.spans.iter_mut().filter(is_its) {
                    (span.to, span.end) = (at, End::Failed(failure.reason.clone()));
                }
            }
            Event::RollingBack { .. } | Event::Recording { .. } => self.next(at),
            Event::Finished(report) => {
                self.next(at);
                self.report = Some(report.clone());
            }
            _ => {}
        }
    }

    fn open(&mut self, at: Timestamp, host: Option<&HostName>, service: Option<&ServiceName>, what: What) {
        let (host, service) = (host.cloned(), service.cloned());
        let direction = Direction::Forward;
        self.spans.push(Span { host, service, what, direction, from: at, to: at, end: End::Open });
    }

    /// Ends what is open of it; what was never seen to begin (the journal began later) is passed over.
    fn close(&mut self, at: Timestamp, host: Option<&HostName>, service: Option<&ServiceName>, what: &What, end: End) {
        let is_it = |span: &&mut Span| {
            span.end == End::Open
                && span.host.as_ref() == host
                && span.service.as_ref() == service
                && span.what == *what
        };
        if let Some(span) = self.spans.iter_mut().rev().find(is_it) {
            (span.to, span.end) = (at, end);
        }
    }

    /// Something else begins: what was watched is not any more, and the batch is over.
    fn next(&mut self, at: Timestamp) {
        for span in self.spans.iter_mut().filter(|span| span.what == What::Monitor && span.end == End::Open) {
            (span.to, span.end) = (at, End::Done);
        }
        if let Some(batch) = self.batches.last_mut().filter(|batch| batch.to == batch.from) {
            batch.to = at;
        }
    }
}
