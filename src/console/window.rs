//! Lines that come in while they are printed, from hosts that are not equally far away: each is held back for a moment, in which
//! an earlier one may still come.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How long a line is held back.
const HOLD: Duration = Duration::from_millis(250);

/// Lines that are held back.
#[derive(Debug)]
pub struct Window<T> {
    held: BTreeMap<(Timestamp, u64), (Instant, T)>,
    count: u64,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), count: 0 }
    }
}

impl<T> Window<T> {
    /// Holds a line back that has come now.
    pub fn put(&mut self, at: Timestamp, line: T, now: Instant) {
        self.count += 1;
        self.held.insert((at, self.count), (now + HOLD, line));
    }

    /// When the next one has been held back for long enough.
    pub fn next_due(&self) -> Option<Instant> {
        self.held.values().map(|(due, _)| *due).min()
    }

    /// Those that were held back for long enough, and all that are earlier, in the order of their times.
    pub fn due(&mut self, now: Instant) -> Vec<T> {
        let last = self.held.iter().rev().find(|(_, (due, _))| *due <= now).map(|(key, _)| *key);
        let Some(last) = last else { return Vec::new() };
        let later = self.held.split_off(&(last.0, last.1 + 1));
        std::mem::replace(&mut self.held, later).into_values().map(|(_, line)| line).collect()
    }

    /// All of them.
    pub fn rest(&mut self) -> Vec<T> {
        std::mem::take(&mut self.held).into_values().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_waits_a_moment_and_takes_the_earlier_ones_along() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let (begun, mut window) = (Instant::now(), Window::default());
        window.put(at(30), "third", begun);
        window.put(at(10), "first", begun + HOLD / 2);
        window.put(at(40), "fourth", begun + HOLD / 2);
        window.put(at(10), "second", begun + HOLD / 2);
        assert_eq!(window.next_due(), Some(begun + HOLD));
        assert_eq!(window.due(begun + HOLD / 2), [""; 0]);
        assert_eq!(window.due(begun + HOLD), ["first", "second", "third"]);
        assert_eq!(window.rest(), ["fourth"]);
        assert_eq!(window.next_due(), None);
    }
}
