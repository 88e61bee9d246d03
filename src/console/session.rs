//! Carries what a program in a container reads and writes, to its end.

use bytes::Bytes;
use futures_util::{Stream as Items, StreamExt};
use tokio::io::AsyncWriteExt;

use crate::engine::EngineError;
use crate::engine::docker::output::clean_to;
use crate::engine::session::{Running, Session, Sessions, Size, Written};

/// What a line has beyond so many bytes is dropped.
const MAX_LINE: usize = 1024 * 1024;

/// Passes `input` on to the program, if it has any, and what it writes to `write`, until the program ends, and tells it each size that its
/// terminal gets. How it ended; `None` if the engine does not know.
///
/// A program that takes nothing from its input any more goes on. Once `write` says false, nobody hears the program any more,
/// and this ends.
pub async fn carry(
    sessions: &dyn Sessions,
    session: Session,
    input: Option<impl Items<Item = Bytes> + Send>,
    sizes: impl Items<Item = Size> + Send,
    mut write: impl FnMut(Written) -> bool + Send,
) -> Result<Option<i64>, EngineError> {
    let Session { running, mut output, input: mut sink, ended: ending } = session;
    {
        let feeding = async {
            if let Some(input) = input {
                let mut input = std::pin::pin!(input);
                while let Some(bytes) = input.next().await {
                    if sink.write_all(&bytes).await.is_err() || sink.flush().await.is_err() {
                        break;
                    }
                }
                // A program that has ended does not listen any more.
                let _ = sink.shutdown().await;
            }
            std::future::pending::<()>().await;
        };
        let resizing = async {
            let mut sizes = std::pin::pin!(sizes);
            while let Some(size) = sizes.next().await {
                // The next one tells it again.
                drop(sessions.resize(&running, size).await);
            }
            std::future::pending::<()>().await;
        };
        let hearing = async {
            while let Some(part) = output.next().await {
                if !write(part?) {
                    break;
                }
            }
            Ok::<_, EngineError>(())
        };
        tokio::select! {
            biased;
            heard = hearing => heard?,
            () = feeding => {}
            () = resizing => {}
        }
    }
    match ending {
        Some(ending) => ending.await,
        None => ended(sessions, &running).await,
    }
}

/// A program's end may be known a moment later than the end of what it writes.
async fn ended(sessions: &dyn Sessions, running: &Running) -> Result<Option<i64>, EngineError> {
    const LOOKS: u32 = 20;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
    for _ in 0..LOOKS {
        if let Some(code) = sessions.code(running).await? {
            return Ok(Some(code));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

/// Makes lines of what a program writes to one stream.
#[derive(Debug, Default)]
pub struct Splitter(Vec<u8>);

impl Splitter {
    /// The lines that end with these bytes, cleaned.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            self.0.extend(text.iter().take(MAX_LINE.saturating_sub(self.0.len())));
            if is_whole {
                lines.push(self.line());
            }
        }
        lines
    }

    /// What was written last, without an end of line.
    pub fn rest(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.line())
    }

    fn line(&mut self) -> String {
        clean_to(&String::from_utf8_lossy(&std::mem::take(&mut self.0)), MAX_LINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.take(b"one\ntw"), ["one"]);
        assert_eq!(splitter.take(b"o\x1b[1m!\n\nthr"), ["two!", ""]);
        assert_eq!(splitter.rest().as_deref(), Some("thr"));
        assert_eq!(splitter.rest(), None);
    }
}
