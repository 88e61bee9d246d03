//! One JSON object per line on standard output: each record as it is, and at the end one object with the result.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::event::{EventSink, Record};
use crate::redact::Redactor;

use super::Display;

/// Writes records as JSON lines.
pub struct JsonDisplay {
    out: Mutex<Box<dyn Write + Send>>,
    redactor: Redactor,
}

impl JsonDisplay {
    /// Writes to `out`, without what `redactor` knows.
    pub fn new(out: Box<dyn Write + Send>, redactor: Redactor) -> Self {
        Self { out: Mutex::new(out), redactor }
    }
}

impl EventSink for JsonDisplay {
    fn take(&self, record: &Record) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away must not end a rollout: the journal remains.
        let mut record = public(record);
        self.redactor.value(&mut record);
        let _ = write_line(&mut *out, &record);
    }
}

impl Display for JsonDisplay {
    fn clear(&self) {}
}

/// The record without the plan's containers, whose variables are nobody's business in the log of a pipeline. The whole
/// plan is in the journal, which only the operator can read.
fn public(record: &Record) -> serde_json::Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    if let Some(started) = value.pointer_mut("/event/rollout_started").and_then(serde_json::Value::as_object_mut)
        && let Some(plan) = started.remove("plan")
    {
        for field in ["kind", "scope", "release", "from", "images"] {
            started.insert(field.to_owned(), plan.get(field).cloned().unwrap_or_default());
        }
        for field in ["act", "reason"] {
            started.extend(plan.get(field).map(|value| (field.to_owned(), value.clone())));
        }
    }
    value
}

/// Writes one object and a line break, in one piece.
pub(super) fn write_line(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    write_object(out, value)?;
    out.flush()
}

/// The same, to be flushed with others.
pub(super) fn write_object(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(std::io::Error::other)?;
    line.push(b'\n');
    out.write_all(&line)
}
