//! Bounded waiting: a condition with a deadline, never a blind pause.

use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// Asks again and again until there is an answer; fails when there is none in time.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}
