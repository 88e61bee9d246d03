//! shipctl when it is over: exit code, events, result.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// What a run left to read.
pub struct Run {
    pub code: Option<i32>,
    pub took: Duration,
    /// The one object at the end.
    pub result: Value,
    records: Vec<Value>,
    output: String,
    complaints: String,
}

impl Run {
    pub fn new(status: ExitStatus, took: Duration, lines: &[String], complaints: String) -> Self {
        let parsed =
            lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        let (results, records): (Vec<Value>, Vec<Value>) =
            parsed.partition(|object: &Value| object.get("exit").is_some());
        assert!(results.len() <= 1, "more than one result");
        let result = results.into_iter().next().unwrap_or_default();
        Self { code: status.code(), took, result, records, output: lines.join("\n"), complaints }
    }

    /// It ended this way, and its result says the same.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert_eq!(self.result["exit"], code, "{self}");
        self
    }

    /// Events of a name, in order.
    pub fn events(&self, name: &str) -> Vec<&Value> {
        self.records.iter().filter_map(|record| record["event"].get(name)).collect()
    }

    /// Whether an event of a name, with nothing to it, came.
    pub fn has(&self, name: &str) -> bool {
        self.records.iter().any(|record| record["event"] == name) || !self.events(name).is_empty()
    }

    /// The same, with their times by the operator's clock.
    pub fn timed<'r>(&'r self, name: &'r str) -> impl Iterator<Item = (Timestamp, &'r Value)> {
        let time = |record: &Value| record["at"].as_str().and_then(|at| at.parse().ok()).expect("a record has a time");
        self.records.iter().filter_map(move |record| Some((time(record), record["event"].get(name)?)))
    }

    /// What failed first.
    pub fn failure(&self) -> &Value {
        &self.result["report"]["failure"]
    }

    /// What each host ran before and runs now, by release number, and its health; in the report's order.
    pub fn table(&self) -> Vec<String> {
        let cell = |value: &Value| match value["release"]["number"].as_u64() {
            Some(number) => format!("r{number}"),
            None => value.as_str().unwrap_or("?").to_owned(),
        };
        let rows = self.result["report"]["rows"].as_array().cloned().unwrap_or_default();
        let line = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap_or("?").to_owned();
            format!("{} {} {} {}", text("host"), cell(&row["before"]), cell(&row["now"]), text("health"))
        };
        rows.iter().map(line).collect()
    }

    /// Everything that could be read by whoever ran it.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.output, self.complaints)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shipctl ended with {:?} after {:?}:\n{}", self.code, self.took, self.text())
    }
}
