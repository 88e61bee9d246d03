//! Hands every event to the journal and to whoever shows it, in one order.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::event::{EVENT_FORMAT, Event, EventSink, Record, Warning};
use crate::journal::Journal;
use crate::redact::Redactor;

/// Numbers, dates, keeps and shows events. Clones are the same recorder.
#[derive(Clone)]
pub struct Recorder {
    clock: Arc<dyn Clock>,
    sink: Arc<dyn EventSink>,
    redactor: Redactor,
    state: Arc<Mutex<State>>,
}

struct State {
    sequence: u64,
    journal: Option<Box<dyn Journal>>,
    broken: Option<String>,
    others: Vec<Arc<dyn EventSink>>,
}

/// The journal cannot be written, so nothing new may be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct JournalBroken(pub String);

impl Recorder {
    /// A recorder without a journal, for what only looks.
    pub fn new(clock: Arc<dyn Clock>, sink: Arc<dyn EventSink>) -> Self {
        let state = Arc::new(Mutex::new(State { sequence: 0, journal: None, broken: None, others: Vec::new() }));
        Self { clock, sink, redactor: Redactor::default(), state }
    }

    /// What is known to `redactor` does not get into any record, whole: before anybody cuts a text.
    #[must_use]
    pub fn without(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// From here on, events are kept in `journal` too.
    pub fn keep_in(&self, journal: Box<dyn Journal>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).journal = Some(journal);
    }

    /// From here on, events are told to `sink` too.
    pub fn tell(&self, sink: Arc<dyn EventSink>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).others.push(sink);
    }

    /// The operator's clock.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Records a fact. A journal that fails is reported once, as a warning; the rollout then begins nothing new.
    pub fn note(&self, event: Event) {
        if let Some(why) = self.record(event) {
            self.record(Event::Warning(Warning::Journal(why)));
        }
    }

    /// Records what is about to be done. After `Ok` it is on disk; after `Err` it must not be done,
    /// unless it undoes something.
    pub fn intend(&self, event: Event) -> Result<(), JournalBroken> {
        self.note(event);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.broken.clone().map_or(Ok(()), |why| Err(JournalBroken(why)))
    }

    /// Returns the journal's error the first time it fails.
    fn record(&self, event: Event) -> Option<String> {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        state.sequence += 1;
        let record = Record {
            format: EVENT_FORMAT,
            sequence: state.sequence,
            at: self.clock.now(),
            event: self.redactor.data(event),
        };
        let mut failed = None;
        if let (Some(journal), None, false) = (&mut state.journal, &state.broken, record.event.is_progress())
            && let Err(error) = journal.append(&record, record.event.is_intent())
        {
            state.broken = Some(error.to_string());
            failed = Some(error.to_string());
        }
        // Shown after it is kept: what an operator has read is in the journal.
        self.sink.take(&record);
        state.others.iter().for_each(|sink| sink.take(&record));
        failed
    }
}
