//! Whether a host is fit to run containers: from facts to findings, one for each question. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::machine::{Content, Disk};

mod clock;
mod disk;
mod engine;
pub mod flaws;
mod logs;
mod ports;
mod version;

/// What is known of a host.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What its engine says of itself.
    pub engine: EngineFacts,
    /// The settings that its engine was given.
    pub settings: Content,
    /// Whether the host itself could be asked, past its engine.
    pub is_asked: bool,
    /// The disk that the engine's directory is on.
    pub disk: Option<Disk>,
    /// TCP ports that something listens at.
    pub listeners: Option<BTreeSet<u16>>,
    /// TCP ports that services of the environment publish there.
    pub wanted: BTreeSet<u16>,
    /// Those that running containers of the environment have.
    pub ours: BTreeSet<u16>,
    /// Those that containers of others have, and the containers' names.
    pub foreign: BTreeMap<u16, String>,
    /// Mirrors of Docker Hub that the environment has, `scheme://host[:port]`.
    pub mirrors: Vec<String>,
    /// Registries that images come from, and why the engine gets no answer from one.
    pub registries: BTreeMap<String, Result<(), String>>,
}

/// What an engine says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// Its version, such as `20.10.24`.
    pub version: String,
    /// Versions of what it consists of, such as `runc`.
    pub components: BTreeMap<String, String>,
    /// Its storage driver.
    pub storage: String,
    /// What the driver says of itself.
    pub storage_details: BTreeMap<String, String>,
    /// Its directory.
    pub root: String,
    /// The log driver of containers that have none of their own.
    pub log_driver: String,
    /// Whether containers run on while it does not.
    pub restores: bool,
    /// Mirrors that it asks before Docker Hub, `scheme://host[:port]`.
    pub mirrors: Vec<String>,
    /// What it warns of itself.
    pub warnings: Vec<String>,
    /// By how much its clock is ahead of ours.
    pub clock: Option<Skew>,
}

/// By how much one clock is ahead of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// In milliseconds.
    pub ahead: i64,
    /// It may be as much more or less: the answer was under way.
    pub unsure: i64,
}

impl Skew {
    /// Of a clock that told this some time between two looks at ours.
    pub fn of(before: Timestamp, told: Timestamp, after: Timestamp) -> Self {
        let [before, told, after] = [before, told, after].map(Timestamp::as_millisecond);
        let unsure = (after - before + 1) / 2;
        Self { ahead: told - before - unsure, unsure }
    }
}

/// What is asked of a host, in the order of the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether an engine answers.
    Engine,
    /// How it stores images.
    Storage,
    /// Whether there is room for more.
    Disk,
    /// Whether it is as late there as here.
    Clock,
    /// Whether the ports that services publish are free, or ours.
    Ports,
    /// Whether the engine can reach the registries.
    Registry,
    /// Whether logs are bounded.
    Logs,
    /// Whether containers outlive a restart of the engine.
    LiveRestore,
    /// Whether flaws are known in its versions.
    Flaws,
    /// What the engine warns of by itself.
    Warnings,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Nobody can tell from here.
    NotKnown,
    /// It may do, or not.
    Warning,
    /// Something will not work.
    Bad,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was asked.
    pub question: Question,
    /// How it stands.
    pub state: State,
    /// In a word or two, for a table.
    pub short: String,
    /// What was found, where that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What to do, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// It is as it should be.
    fn ok(question: Question, short: impl Into<String>) -> Self {
        Self { question, state: State::Ok, short: short.into(), found: None, advice: None }
    }

    /// Nobody can tell, for this reason.
    fn not_known(question: Question, why: impl Into<String>) -> Self {
        Self { state: State::NotKnown, found: Some(why.into()), ..Self::ok(question, "?") }
    }

    /// It may do, or not.
    fn warning(
        question: Question,
        short: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (found, advice) = (Some(found.into()), Some(advice.into()));
        Self { state: State::Warning, found, advice, ..Self::ok(question, short) }
    }

    /// Something will not work.
    fn bad(question: Question, short: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Bad, ..Self::warning(question, short, found, advice) }
    }
}

/// All findings about a host whose engine answers, in the order of the questions. A question may have several.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok(Question::Engine, &facts.engine.version),
        engine::storage(&facts.engine),
        disk::judge(facts),
        clock::judge(facts.engine.clock),
    ];
    findings.extend(ports::judge(facts));
    findings.extend(engine::registries(facts));
    findings.push(logs::judge(facts));
    findings.push(engine::live_restore(&facts.engine));
    findings.extend(flaws::judge(&facts.engine));
    findings.extend(engine::warnings(&facts.engine));
    findings
}

/// The one finding about a host that nobody could ask anything.
pub fn silent(why: &str) -> Vec<Finding> {
    let (why, advice) = why.split_once('\n').unwrap_or((why, "see that it is up and reachable from here"));
    vec![Finding::bad(Question::Engine, "no answer", why, advice)]
}

#[cfg(test)]
mod tests;
