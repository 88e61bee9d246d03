//! What was printed up to now, by all containers, merged.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::Line;
use super::bookmark::{Bookmark, Reading};
use super::merge::Heads;
use super::sieve::Sieve;
use crate::engine::EngineError;
use crate::engine::console::{Console, Said, Sighting, Wanted};
use crate::name::HostName;

/// A container to be listened to.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub host: HostName,
    /// The door.
    pub console: Arc<dyn Console>,
    /// Which container.
    pub container: Sighting,
}

/// Which part of the output is meant.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// None before this.
    pub since: Option<Timestamp>,
    /// None after this.
    pub until: Option<Timestamp>,
    /// So many of each container, the last ones that are shown; `None` for all.
    pub tail: Option<usize>,
}

/// What has become of a source.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where to go on, if anything was read.
    pub bookmark: Option<Bookmark>,
    /// Why not all could be read.
    pub failed: Option<EngineError>,
}

/// Passes all lines on, each in its place in time; it is told `false` when nobody takes them any more. How far each source was
/// read, in their order.
pub async fn read(sources: &[Source], span: &Span, sieve: &Sieve, mut line: impl FnMut(Line) -> bool) -> Vec<Read> {
    let mut readers: Vec<_> = sources.iter().map(|source| Reader::new(source, span, sieve)).collect();
    let mut heads = Heads::of(readers.len());
    // All hosts are asked at the same time.
    for (index, next) in join_all(readers.iter_mut().map(Reader::next)).await.into_iter().enumerate() {
        if let Some(said) = next {
            heads.put(index, said.at, said);
        }
    }
    while let Some((index, said)) = heads.take() {
        let Source { host, container, .. } = &sources[index];
        if !line(Line::of(host, container, said)) {
            break;
        }
        if let Some(said) = readers[index].next().await {
            heads.put(index, said.at, said);
        }
    }
    readers.into_iter().map(Reader::end).collect()
}

/// Reads one container.
struct Reader<'a> {
    said: BoxStream<'static, Result<Said, EngineError>>,
    reading: Reading,
    failed: Option<EngineError>,
    span: &'a Span,
    sieve: &'a Sieve,
    /// The last lines, once all were read; before that it is not there.
    kept: Option<VecDeque<Said>>,
}

impl<'a> Reader<'a> {
    fn new(source: &Source, span: &'a Span, sieve: &'a Sieve) -> Self {
        let Span { since, until, tail } = *span;
        // The engine counts lines before they are sifted. One is asked for at least, as it says where to go on.
        let counts = sieve.grep.is_none() && until.is_none();
        let tail = tail.filter(|_| counts).map(|lines| lines.max(1));
        let said = source.console.said(&source.container.id, &Wanted { since, until, tail, follow: false });
        let reading = Reading::on_from(since.map(Bookmark::from));
        Self { said, reading, failed: None, span, sieve, kept: None }
    }

    async fn next(&mut self) -> Option<Said> {
        let Some(most) = self.span.tail else { return self.sifted().await };
        if self.kept.is_none() {
            let mut kept = VecDeque::new();
            while let Some(said) = self.sifted().await {
                kept.push_back(said);
                if kept.len() > most {
                    kept.pop_front();
                }
            }
            self.kept = Some(kept);
        }
        self.kept.as_mut()?.pop_front()
    }

    async fn sifted(&mut self) -> Option<Said> {
        loop {
            match self.said.next().await? {
                Ok(said) => {
                    let is_late = self.span.until.is_some_and(|until| said.at > until);
                    if !is_late
                        && self.reading.is_new(said.at)
                        && let Some(said) = self.sieve.pass(said)
                    {
                        return Some(said);
                    }
                }
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
    }

    fn end(self) -> Read {
        Read { bookmark: self.reading.bookmark().cloned(), failed: self.failed }
    }
}
