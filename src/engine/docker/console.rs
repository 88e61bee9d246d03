//! Listening to containers through Docker.

use std::collections::{BTreeMap, HashMap, VecDeque};

use async_trait::async_trait;
use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State, EventMessage};
use bollard::query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder, StatsOptionsBuilder};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::{DockerEngine, output, usage};
use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::client::{SHORT, call};
use crate::engine::console::{Console, Happened, Said, Sighting, Stream, Wanted};
use crate::engine::usage::Usage;
use crate::environment::Scope;
use crate::fleet::stamp::{SCOPE_LABEL, Stamp};

/// What a line has beyond so many bytes is dropped.
const MAX_LINE: usize = 1024 * 1024;

#[async_trait]
impl Console for DockerEngine {
    async fn sightings(&self, scope: &Scope) -> Result<Vec<Sighting>, EngineError> {
        let listed = self.labelled(SCOPE_LABEL, &scope.label()).await?;
        Ok(listed.into_iter().filter_map(sighting).collect())
    }

    fn said(&self, id: &ContainerId, wanted: &Wanted) -> BoxStream<'static, Result<Said, EngineError>> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(wanted.follow);
        // The engine's API has parts of a second, bollard has not.
        let second = |at: Timestamp| i32::try_from(at.as_second()).unwrap_or(i32::MAX);
        let options = wanted.since.into_iter().fold(options, |options, at| options.since(second(at)));
        let later = wanted.until.map(|at| at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(at));
        let options = later.into_iter().fold(options, |options, at| options.until(second(at)));
        let tail = wanted.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        assembled(self.docker().logs(&id.0, Some(options.tail(&tail).build())).boxed())
    }

    async fn usage(&self, id: &ContainerId) -> Result<Usage, EngineError> {
        let options = StatsOptionsBuilder::new().stream(false).build();
        let mut stats = self.docker().stats(&id.0, Some(options)).boxed();
        let first = call(SHORT, stats.try_next()).await?;
        first.map(|stats| usage::usage(&stats)).ok_or_else(|| EngineError::NotFound("it does not run".to_owned()))
    }

    fn happened(
        &self,
        scope: &Scope,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> BoxStream<'static, Result<Happened, EngineError>> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{SCOPE_LABEL}={}", scope.label())]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters);
        let options = since.into_iter().fold(options, |options, at| options.since(&seconds(at)));
        let options = until.into_iter().fold(options, |options, at| options.until(&seconds(at)));
        let events = self.docker().events(Some(options.build()));
        let known = events.filter_map(async |event| event.map_err(EngineError::from).map(happened).transpose());
        known.boxed()
    }

    fn starts(&self, scope: &Scope) -> BoxStream<'static, Result<(), EngineError>> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("event", vec!["start".to_owned()]),
            ("label", vec![format!("{SCOPE_LABEL}={}", scope.label())]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        self.docker().events(Some(options)).map(|event| Ok(event.map(drop)?)).boxed()
    }
}

/// As the engine reads a time.
fn seconds(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond())
}

/// What happened to a container of a service; `None` for others.
fn happened(event: EventMessage) -> Option<Happened> {
    let at = Timestamp::from_nanosecond(event.time_nano?.into()).ok()?;
    let labels: BTreeMap<_, _> = event.actor?.attributes?.into_iter().collect();
    let stamp = Stamp::read(&labels).filter(|stamp| stamp.job.is_none())?;
    Some(Happened {
        at,
        service: stamp.service,
        release: stamp.release,
        container: labels.get("name").cloned().unwrap_or_default(),
        action: output::clean_to(&event.action?, MAX_LINE),
        exit_code: labels.get("exitCode").and_then(|code| code.parse().ok()),
    })
}

fn sighting(listed: ContainerSummary) -> Option<Sighting> {
    let stamp = Stamp::read(&listed.labels?.into_iter().collect()).filter(|stamp| stamp.job.is_none())?;
    let name = listed.names?.into_iter().next()?;
    Some(Sighting {
        id: ContainerId(listed.id?),
        name: name.trim_start_matches('/').to_owned(),
        service: stamp.service,
        release: stamp.release,
        runs: matches!(listed.state, Some(State::RUNNING | State::RESTARTING | State::PAUSED)),
    })
}

type Parts = BoxStream<'static, Result<LogOutput, DockerError>>;

/// Lines of the parts in which the engine sends them.
fn assembled(parts: Parts) -> BoxStream<'static, Result<Said, EngineError>> {
    let state = (Some(parts), Lines::default(), VecDeque::new());
    stream::unfold(state, async |(mut parts, mut lines, mut ready)| {
        loop {
            if let Some(said) = ready.pop_front() {
                return Some((Ok(said), (parts, lines, ready)));
            }
            match parts.as_mut()?.next().await {
                Some(Ok(part)) => ready.extend(lines.take(part)),
                Some(Err(error)) => return Some((Err(error.into()), (None, lines, ready))),
                None => {
                    ready.extend(lines.rest());
                    parts = None;
                    if ready.is_empty() {
                        return None;
                    }
                }
            }
        }
    })
    .boxed()
}

/// Lines in the making, by stream.
#[derive(Default)]
struct Lines {
    open: [Option<(Timestamp, Vec<u8>)>; 2],
}

impl Lines {
    /// A part is a line, or a piece of one that is too long for the engine; each begins with a time.
    fn take(&mut self, part: LogOutput) -> Option<Said> {
        let stream = if matches!(part, LogOutput::StdErr { .. }) { Stream::Stderr } else { Stream::Stdout };
        let bytes = part.into_bytes();
        let time = bytes.iter().position(|byte| *byte == b' ').and_then(|end| {
            let at: Timestamp = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
            Some((at, &bytes[end + 1..]))
        });
        let open = &mut self.open[usize::from(stream == Stream::Stderr)];
        let text = match (time, &mut *open) {
            (Some((at, text)), None) => {
                *open = Some((at, Vec::new()));
                text
            }
            (Some((_, text)), Some(_)) => text,
            (None, Some(_)) => &bytes,
            // A line without a time has no place among the others.
            (None, None) => return None,
        };
        let (_, line) = open.as_mut()?;
        let (text, is_whole) = text.strip_suffix(b"\n").map_or((text, false), |text| (text, true));
        line.extend(text.iter().take(MAX_LINE.saturating_sub(line.len())));
        if is_whole { open.take().map(|open| said(stream, &open)) } else { None }
    }

    /// What was printed last, without an end of line.
    fn rest(&mut self) -> Vec<Said> {
        let streams = [Stream::Stdout, Stream::Stderr].into_iter().zip(&mut self.open);
        streams.filter_map(|(stream, open)| Some(said(stream, &open.take()?))).collect()
    }
}

fn said(stream: Stream, (at, line): &(Timestamp, Vec<u8>)) -> Said {
    Said { at: *at, stream, text: output::clean_to(&String::from_utf8_lossy(line), MAX_LINE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(is_error: bool, text: &str) -> LogOutput {
        let message = text.to_owned().into();
        if is_error { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } }
    }

    #[tokio::test]
    async fn lines_keep_their_times_and_pieces_of_long_ones_are_put_together() {
        let parts = [
            part(false, "2026-05-07T21:09:36.000000001Z one\n"),
            part(false, "2026-05-07T21:09:36.000000002Z lo"),
            part(true, "2026-05-07T21:09:36.000000003Z oops \u{1b}[31mred\u{1b}[0m\n"),
            part(false, "2026-05-07T21:09:36.000000004Z ng\r\n"),
            part(false, "2026-05-07T21:09:36.000000005Z \n"),
            part(false, "no time at all\n"),
            part(false, "2026-05-07T21:09:36.000000006Z the end"),
        ];
        let lines: Vec<_> = assembled(stream::iter(parts.map(Ok)).boxed()).collect().await;
        let lines = lines.into_iter().map(|line| line.unwrap());
        let found: Vec<_> = lines.map(|line| (line.at.subsec_nanosecond(), line.stream, line.text)).collect();
        let expected = [
            (1, Stream::Stdout, "one"),
            (3, Stream::Stderr, "oops red"),
            (2, Stream::Stdout, "long"),
            (5, Stream::Stdout, ""),
            (6, Stream::Stdout, "the end"),
        ];
        assert_eq!(found, expected.map(|(at, stream, text)| (at, stream, text.to_owned())));
    }
}
