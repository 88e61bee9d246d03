//! The meter of the fixture, beside what it measures.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::poll::until;
use super::process::{command, signal};
use super::{Fleet, Host, SOON, root};

/// Longest time from the signal to the result: requests that are under way end first.
const LAST: Duration = Duration::from_secs(30);

/// It measures until it is stopped, at the latest at the end of the test.
pub struct Meter {
    child: Child,
    directory: TempDir,
}

/// What it found.
pub struct Measured {
    pub facts: Value,
    pub table: String,
}

impl Meter {
    /// Begins to send to one address; at the end every host is asked which POST arrived.
    pub fn start(fleet: &Fleet, to: &str, rate: u32) -> Self {
        Self::start_on(to, rate, &fleet.hosts())
    }

    /// The same, where not all hosts have the application.
    pub fn start_on(to: &str, rate: u32, hosts: &[Host]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut meter = command(root().join("target/fixture/meter"));
        meter.args(["--to", to, "--rate", &rate.to_string(), "--slow-for", "1s", "--out"]);
        meter.arg(directory.path().join("out")).arg("--expect-file").arg(directory.path().join("expect"));
        meter.args(hosts.iter().flat_map(|host| ["--audit".to_owned(), host.url()]));
        meter.stdout(File::create(directory.path().join("table")).expect("a file")).stdin(Stdio::null());
        Self { child: meter.spawn().expect("the meter starts"), directory }
    }

    /// From here on only these releases may answer, by host; `*` stands for the others.
    pub fn expect(&self, releases: &BTreeMap<&str, String>) {
        let lines: Vec<_> = releases.iter().map(|(host, releases)| format!("{host} {releases}\n")).collect();
        let (file, new) = (self.directory.path().join("expect"), self.directory.path().join("expect.new"));
        fs::write(&new, lines.concat()).and_then(|()| fs::rename(new, file)).expect("a file can be written");
    }

    /// What it found so far.
    pub fn so_far(&self) -> Option<Measured> {
        let text = fs::read_to_string(self.directory.path().join("out")).ok()?;
        Some(Measured { facts: serde_json::from_str(&text).ok()?, table: text })
    }

    #[track_caller]
    pub fn wait(&self, what: &str, is_it: impl Fn(&Measured) -> bool) {
        until(what, SOON, || self.so_far().filter(&is_it).map(drop));
    }

    /// Waits until so many more requests are over.
    #[track_caller]
    pub fn wait_for_more(&self, requests: u64) {
        let before = self.so_far().map_or(0, |measured| measured.requests());
        self.wait("more requests", |measured| measured.requests() >= before + requests);
    }

    /// Ends it.
    #[track_caller]
    pub fn stop(mut self) -> Measured {
        signal("TERM", self.child.id());
        let status = until("the meter ends", LAST, || self.child.try_wait().expect("it can be waited for"));
        let mut measured = self.so_far().expect("it has a result");
        measured.table = fs::read_to_string(self.directory.path().join("table")).expect("it has a table");
        assert!(status.success() && measured.facts["finished"] == true, "{measured}");
        measured
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        // One that is over cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Measured {
    pub fn requests(&self) -> u64 {
        self.facts["requests"].as_u64().unwrap_or_default()
    }

    pub fn failures(&self) -> u64 {
        self.facts["failures"].as_u64().unwrap_or_default()
    }

    /// What a kind of client saw; null before its first answer.
    pub fn client(&self, name: &str) -> &Value {
        let clients = self.facts["clients"].as_array().into_iter().flatten();
        clients.into_iter().find(|client| client["name"] == name).unwrap_or(&Value::Null)
    }

    /// How many ended in one of these classes.
    pub fn count(&self, classes: &[&str]) -> u64 {
        classes.iter().filter_map(|class| self.facts["classes"][class]["count"].as_u64()).sum()
    }

    /// Good answers of a release.
    pub fn answers_of(&self, release: &str) -> u64 {
        self.facts["releases"][release]["count"].as_u64().unwrap_or_default()
    }

    /// Every POST that was answered arrived, and none twice.
    #[track_caller]
    pub fn assert_posts_arrived_once(&self) {
        let audit = &self.facts["posts"]["audit"];
        assert_eq!((&audit["lost"], &audit["duplicate"]), (&0.into(), &0.into()), "{self}");
        assert!(self.facts["posts"]["answered"].as_u64() > Some(0), "{self}");
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)
    }
}
