//! What an engine says while it builds.

use std::collections::VecDeque;

use bollard::errors::Error as EngineError;
use bollard::models::BuildInfo;
use futures_util::{Stream, StreamExt};

use super::Progress;
use super::build::{BuildError, engine_error};
use super::printable::printable;

/// Lines of output that a failed build brings along.
const OUTPUT_LINES: usize = 20;

/// Follows a build to its image id. An error within the stream is an error, and so is an end without an id.
pub(super) async fn follow(
    records: impl Stream<Item = Result<BuildInfo, EngineError>>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<String, BuildError> {
    let mut records = std::pin::pin!(records);
    let mut output = Output { last: VecDeque::new(), partial: String::new(), progress };
    let mut id = None;
    while let Some(record) = records.next().await {
        match record {
            Ok(record) => {
                if let Some(error) = record.error_detail {
                    return Err(output.failed(&error.message.unwrap_or_default()));
                }
                output.add(record.stream.as_deref().unwrap_or_default());
                if let (Some(status), None) = (&record.status, &record.progress_detail) {
                    output.line(status);
                }
                id = record.aux.and_then(|image| image.id).or(id);
            }
            Err(EngineError::DockerStreamError { error }) => return Err(output.failed(&error)),
            Err(error @ EngineError::DockerResponseServerError { .. }) => {
                return Err(output.failed(&engine_error(&error)));
            }
            // The library takes a line break that is split over two reads for an unfinished record.
            Err(EngineError::IOError { .. }) if id.is_some() => break,
            Err(error) => return Err(BuildError::Engine(engine_error(&error))),
        }
    }
    output.add("\n");
    id.ok_or_else(|| output.failed("the engine's answer ended without an image"))
}

/// The output so far: whole lines go on, the last of them are kept.
struct Output<'a> {
    last: VecDeque<String>,
    partial: String,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Output<'_> {
    fn add(&mut self, text: &str) {
        let mut lines = text.split('\n');
        self.partial.push_str(lines.next().unwrap_or_default());
        for next in lines {
            let line = std::mem::replace(&mut self.partial, next.to_owned());
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        let line = printable(line);
        if line.is_empty() {
            return;
        }
        if self.last.len() == OUTPUT_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.clone());
        (self.progress)(Progress::Output(line));
    }

    fn failed(&mut self, reason: &str) -> BuildError {
        self.add("\n");
        let mut reason = printable(reason);
        if reason.ends_with("returned a non-zero code: 137") {
            reason.push_str(" (killed, as happens when memory runs out)");
        }
        BuildError::Failed { reason, output: self.last.drain(..).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bollard::models::{ErrorDetail, ImageId};
    use futures_util::stream;

    use super::*;

    fn text(text: &str) -> BuildInfo {
        BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() }
    }

    fn image() -> BuildInfo {
        BuildInfo { aux: Some(ImageId { id: Some("sha256:1".to_owned()) }), ..BuildInfo::default() }
    }

    fn cut_off() -> EngineError {
        EngineError::IOError { err: std::io::Error::other("bytes remaining on stream") }
    }

    async fn end_of(records: Vec<Result<BuildInfo, EngineError>>) -> (Result<String, BuildError>, Vec<Progress>) {
        let seen = Mutex::new(Vec::new());
        let result = follow(stream::iter(records), &|progress| seen.lock().unwrap().push(progress)).await;
        (result, seen.into_inner().unwrap())
    }

    #[tokio::test]
    async fn lines_are_put_together_from_their_pieces() {
        let (id, seen) = end_of(vec![Ok(text("Step 1\n ---> ")), Ok(text("ab\nlast")), Ok(image())]).await;
        assert_eq!(id.unwrap(), "sha256:1");
        assert_eq!(seen, ["Step 1", " ---> ab", "last"].map(|line| Progress::Output(line.to_owned())));
    }

    #[tokio::test]
    async fn an_error_in_the_stream_is_an_error_and_brings_the_last_lines() {
        let detail = ErrorDetail { message: Some("exit 1".to_owned()), code: Some(1) };
        let failure = BuildInfo { error_detail: Some(detail), ..BuildInfo::default() };
        let lines = (0..30).map(|number| text(&format!("line {number}\n")));
        let (result, _) = end_of(lines.chain([image(), failure]).map(Ok).collect()).await;
        let Err(BuildError::Failed { reason, output }) = result else { panic!("{result:?}") };
        assert_eq!(reason, "exit 1");
        assert_eq!((output.len(), output[0].as_str(), output[19].as_str()), (20, "line 10", "line 29"));
    }

    #[tokio::test]
    async fn only_an_image_id_ends_a_build_well() {
        for records in
            [vec![], vec![Ok(text("Successfully built\n"))], vec![Ok(BuildInfo::default())], vec![Err(cut_off())]]
        {
            assert!(end_of(records).await.0.is_err());
        }
        assert!(end_of(vec![Ok(image()), Err(cut_off())]).await.0.is_ok());
    }
}
