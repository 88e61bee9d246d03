//! How far a container's output was read, so that it can be gone on with behind just that, whatever became of the connection.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// Lines of the two streams of a container may be out of order by less than this.
const DISORDER: SignedDuration = SignedDuration::from_secs(1);

/// What was read last of a container's output, by the times of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// What is before it was not asked for, or comes before the first line that was.
    begin: Timestamp,
    since: Timestamp,
    /// How many lines of each time were read, from `since` on.
    read: BTreeMap<Timestamp, u32>,
}

impl Bookmark {
    /// Nothing before this time is asked for.
    pub fn from(since: Timestamp) -> Self {
        Self { begin: since, since, read: BTreeMap::new() }
    }

    /// From when on the output has to be read again.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    fn note(&mut self, at: Timestamp) {
        *self.read.entry(at).or_default() += 1;
        let earliest = |at: Timestamp| at.saturating_sub(DISORDER).unwrap_or(at);
        if at < earliest(self.begin) {
            // The clock was set back.
            self.begin = at;
        }
        // By the line that came last, not by the latest, for the same reason.
        self.since = earliest(at).max(self.begin);
        if self.read.first_key_value().is_some_and(|(first, _)| *first < self.since) {
            self.read = self.read.split_off(&self.since);
        }
    }
}

/// Reads on from a bookmark: tells what was read before from what is new.
#[derive(Debug, Default)]
pub struct Reading {
    bookmark: Option<Bookmark>,
    /// What comes again before anything new does.
    again: Option<Bookmark>,
}

impl Reading {
    /// Begins, or goes on.
    pub fn on_from(bookmark: Option<Bookmark>) -> Self {
        Self { again: bookmark.clone(), bookmark }
    }

    /// Whether a line of this time, the next one that comes, is new.
    pub fn is_new(&mut self, at: Timestamp) -> bool {
        if let Some(again) = &mut self.again {
            if at < again.since {
                return false;
            }
            if let Some(left) = again.read.get_mut(&at).filter(|left| **left > 0) {
                *left -= 1;
                return false;
            }
            // Behind a new line all are new: the engine keeps its order.
            self.again = None;
        }
        self.bookmark.get_or_insert_with(|| Bookmark::from(at)).note(at);
        true
    }

    /// How far it was read.
    pub fn bookmark(&self) -> Option<&Bookmark> {
        self.bookmark.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// What is new of each reading; each begins where the one before ended, with what the engine gives from then on.
    fn readings(output: &[i64], breaks: &[usize]) -> Vec<i64> {
        let (mut seen, mut bookmark) = (Vec::new(), None::<Bookmark>);
        for end in breaks.iter().copied().chain([output.len()]) {
            let since = bookmark.as_ref().map(Bookmark::since);
            let mut reading = Reading::on_from(bookmark);
            for line in output[..end].iter().filter(|line| since.is_none_or(|since| at(**line) >= since)) {
                if reading.is_new(at(*line)) {
                    seen.push(*line);
                }
            }
            bookmark = reading.bookmark().cloned();
        }
        seen
    }

    #[test]
    fn wherever_a_reading_breaks_off_no_line_is_lost_or_comes_twice() {
        let output = [10, 20, 20, 20, 1500, 1490, 1500, 1510, 1490, 4000, 4000, 3990, 9000];
        for first in 0..output.len() {
            for second in first..output.len() {
                assert_eq!(readings(&output, &[first, second]), output, "breaks at {first} and {second}");
            }
        }
    }

    #[test]
    fn what_was_left_out_before_the_first_line_does_not_come_later() {
        let mut last_two = Reading::default();
        assert!(last_two.is_new(at(1300)) && last_two.is_new(at(1400)));
        let mut on = Reading::on_from(last_two.bookmark().cloned());
        let lines = [1100, 1200, 1300, 1400, 1500];
        assert_eq!(lines.map(|line| on.is_new(at(line))), [false, false, false, false, true]);
    }

    #[test]
    fn what_is_before_the_time_that_was_asked_for_is_not_new() {
        let mut reading = Reading::on_from(Some(Bookmark::from(at(1000))));
        assert_eq!([900, 999, 1000, 1000, 1001].map(|line| reading.is_new(at(line))), [false, false, true, true, true]);
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let mut reading = Reading::on_from(None);
        assert!([9_000_000, 1000, 1001].into_iter().all(|line| reading.is_new(at(line))));
        let mut on = Reading::on_from(reading.bookmark().cloned());
        assert_eq!([1000, 1001, 1002].map(|line| on.is_new(at(line))), [false, false, true]);
    }

    #[test]
    fn a_bookmark_does_not_grow() {
        let mut reading = Reading::default();
        assert!((0..10_000).all(|line| reading.is_new(at(line * 100))));
        assert!(reading.bookmark().is_some_and(|bookmark| bookmark.read.len() <= 11));
    }
}
