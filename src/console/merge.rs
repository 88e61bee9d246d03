//! Lines of many containers in the order of their times. Each container's own order is kept.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

/// The next item of each source, of which the earliest one comes first.
#[derive(Debug)]
pub struct Heads<T> {
    heap: BinaryHeap<Reverse<(Timestamp, usize)>>,
    items: Vec<Option<T>>,
    /// No source goes back in time: what it gives too late comes at once.
    latest: Vec<Option<Timestamp>>,
}

impl<T> Heads<T> {
    /// For so many sources.
    pub fn of(sources: usize) -> Self {
        let items = (0..sources).map(|_| None).collect();
        Self { heap: BinaryHeap::new(), items, latest: vec![None; sources] }
    }

    /// Puts the next item of a source, whose last one was taken.
    pub fn put(&mut self, source: usize, at: Timestamp, item: T) {
        let at = self.latest[source].map_or(at, |latest| at.max(latest));
        self.latest[source] = Some(at);
        self.items[source] = Some(item);
        self.heap.push(Reverse((at, source)));
    }

    /// Takes the earliest item, with its source, whose next one is to be put before another is taken.
    pub fn take(&mut self) -> Option<(usize, T)> {
        let Reverse((_, source)) = self.heap.pop()?;
        self.items[source].take().map(|item| (source, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_by_time_and_those_of_one_source_in_its_own_order() {
        let sources: [&[i64]; 4] = [&[1, 4, 3, 9], &[], &[2, 2, 8], &[2, 5]];
        let mut next = sources.map(|lines| lines.iter().enumerate());
        let mut heads = Heads::of(sources.len());
        let mut put = |heads: &mut Heads<(i64, usize)>, source: usize| {
            if let Some((index, line)) = next[source].next() {
                heads.put(source, Timestamp::from_second(*line).unwrap(), (*line, index));
            }
        };
        (0..sources.len()).for_each(|source| put(&mut heads, source));
        let mut merged = Vec::new();
        while let Some((source, (line, index))) = heads.take() {
            merged.push((source, index, line));
            put(&mut heads, source);
        }
        let lines: Vec<_> = merged.iter().map(|(source, _, line)| (*source, *line)).collect();
        assert_eq!(lines, [(0, 1), (2, 2), (2, 2), (3, 2), (0, 4), (0, 3), (3, 5), (2, 8), (0, 9)]);
    }
}
