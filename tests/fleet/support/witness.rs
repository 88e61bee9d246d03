//! Reads the command line of every process on the machine, over and over, and remembers what it must not see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::process::{command_lines, holds};

/// Watches until it is asked.
pub struct Witness {
    over: Arc<AtomicBool>,
    watch: JoinHandle<(usize, Vec<String>)>,
}

impl Witness {
    /// Begins to look for these texts.
    pub fn of(texts: &[&str]) -> Self {
        let (over, texts) =
            (Arc::new(AtomicBool::new(false)), texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let is_over = Arc::clone(&over);
        let watch = thread::spawn(move || {
            let (mut rounds, mut found) = (0, Vec::new());
            while !is_over.load(Ordering::Relaxed) {
                rounds += 1;
                let told = |line: &Vec<u8>| texts.iter().any(|text| holds(line, text.as_bytes()));
                found.extend(
                    command_lines().into_iter().filter(told).map(|line| String::from_utf8_lossy(&line).into_owned()),
                );
            }
            (rounds, found)
        });
        Self { over, watch }
    }

    /// How often it looked, and what it saw.
    pub fn ask(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        self.watch.join().expect("looking does not panic")
    }
}
