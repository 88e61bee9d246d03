//! What BuildKit says about the steps of a build, as lines that people know from `docker build --progress plain`. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};

use crate::duration;
use crate::image::printable::printable;

/// Lines of a step that are kept for the case that it fails.
const KEPT_LINES: usize = 20;

/// The steps of one build, in the order in which they were first heard of.
#[derive(Debug, Default)]
pub(super) struct Steps {
    all: Vec<Step>,
    by_digest: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
struct Step {
    is_begun: bool,
    is_done: bool,
    failed: bool,
    /// What it has printed last.
    last: VecDeque<String>,
    partial: String,
}

impl Steps {
    /// Takes in what was said, and returns the lines that are new.
    pub(super) fn take(&mut self, status: StatusResponse) -> Vec<String> {
        let mut lines = Vec::new();
        for vertex in &status.vertexes {
            self.vertex(vertex, &mut lines);
        }
        for log in status.logs {
            let number = self.number(&log.vertex);
            let step = &mut self.all[number];
            let text = format!("{}{}", step.partial, String::from_utf8_lossy(&log.msg));
            let mut parts: Vec<_> = text.split('\n').collect();
            step.partial = parts.pop().map(str::to_owned).unwrap_or_default();
            for line in parts.into_iter().map(printable).filter(|line| !line.is_empty()) {
                lines.push(format!("#{} {line}", number + 1));
                step.keep(line);
            }
        }
        lines
    }

    /// The last lines of the step that failed, oldest first; of the last one that said anything where none says so.
    pub(super) fn of_failure(&mut self) -> Vec<String> {
        let speaks = |step: &Step| !step.last.is_empty() || !step.partial.is_empty();
        let failed = self.all.iter().rposition(|step| step.failed && speaks(step));
        let Some(number) = failed.or_else(|| self.all.iter().rposition(speaks)) else { return Vec::new() };
        let step = &mut self.all[number];
        let partial = printable(&std::mem::take(&mut step.partial));
        if !partial.is_empty() {
            step.keep(partial);
        }
        step.last.drain(..).collect()
    }

    fn number(&mut self, digest: &str) -> usize {
        if let Some(number) = self.by_digest.get(digest) {
            return *number;
        }
        self.all.push(Step::default());
        self.by_digest.insert(digest.to_owned(), self.all.len() - 1);
        self.all.len() - 1
    }

    fn vertex(&mut self, vertex: &Vertex, lines: &mut Vec<String>) {
        let number = self.number(&vertex.digest);
        let (step, number) = (&mut self.all[number], number + 1);
        if vertex.started.is_some() && !step.is_begun {
            step.is_begun = true;
            lines.push(format!("#{number} {}", printable(&vertex.name)));
        }
        if !vertex.error.is_empty() && !step.is_done {
            (step.is_done, step.failed) = (true, true);
            lines.push(format!("#{number} ERROR: {}", printable(&vertex.error)));
        } else if let (Some(begun), Some(ended), false) = (&vertex.started, &vertex.completed, step.is_done) {
            step.is_done = true;
            let end = if vertex.cached {
                String::from("CACHED")
            } else {
                format!("DONE {}", duration::display(between(begun, ended)))
            };
            lines.push(format!("#{number} {end}"));
        }
    }
}

impl Step {
    fn keep(&mut self, line: String) {
        if self.last.len() == KEPT_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

/// To a tenth of a second.
fn between(begun: &Timestamp, ended: &Timestamp) -> Duration {
    let millis = |time: &Timestamp| i128::from(time.seconds) * 1000 + i128::from(time.nanos) / 1_000_000;
    let tenths = (millis(ended) - millis(begun)).max(0) / 100;
    Duration::from_millis(u64::try_from(tenths * 100).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::VertexLog;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        let nanos = i32::try_from(millis % 1000).unwrap() * 1_000_000;
        Timestamp { seconds: millis / 1000, nanos }
    }

    fn vertex(name: &str, started: Option<i64>, completed: Option<i64>) -> Vertex {
        let (started, completed) = (started.map(at), completed.map(at));
        let digest = format!("sha256:{name}");
        Vertex { digest, name: name.to_owned(), started, completed, ..Vertex::default() }
    }

    fn said(vertexes: Vec<Vertex>, logs: &[(&str, &str)]) -> StatusResponse {
        let log = |(name, text): &(&str, &str)| VertexLog {
            vertex: format!("sha256:{name}"),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        };
        StatusResponse { vertexes, logs: logs.iter().map(log).collect(), ..StatusResponse::default() }
    }

    #[test]
    fn a_step_is_told_when_it_begins_when_it_prints_and_when_it_ends() {
        let mut steps = Steps::default();
        let begun = vec![vertex("[1/2] FROM base", Some(0), None), vertex("[2/2] RUN make", None, None)];
        assert_eq!(steps.take(said(begun, &[])), ["#1 [1/2] FROM base"]);
        let cached = Vertex { cached: true, ..vertex("[1/2] FROM base", Some(0), Some(0)) };
        let running = vec![cached, vertex("[2/2] RUN make", Some(100), None)];
        let lines = steps.take(said(running.clone(), &[("[2/2] RUN make", "one\ntw")]));
        assert_eq!(lines, ["#1 CACHED", "#2 [2/2] RUN make", "#2 one"]);
        let done = vec![vertex("[2/2] RUN make", Some(100), Some(3456))];
        assert_eq!(steps.take(said(done, &[("[2/2] RUN make", "o\n")])), ["#2 DONE 3s300ms", "#2 two"]);
        assert_eq!(steps.take(said(running, &[])), Vec::<String>::new(), "nothing is told twice");
    }

    #[test]
    fn a_failure_brings_the_last_lines_of_its_own_step() {
        let mut steps = Steps::default();
        let both = vec![vertex("a", Some(0), None), vertex("b", Some(0), None)];
        let text = (0..30).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n") + "\n";
        steps.take(said(both, &[("a", &text), ("a", "cut off"), ("b", "of another\n")]));
        let failed = Vertex { error: "exit code: 3".to_owned(), ..vertex("a", Some(0), Some(10)) };
        assert_eq!(steps.take(said(vec![failed], &[])), ["#1 ERROR: exit code: 3"]);
        let last = steps.of_failure();
        assert_eq!((last.len(), last[0].as_str(), last[19].as_str()), (20, "line 11", "cut off"));
    }
}
