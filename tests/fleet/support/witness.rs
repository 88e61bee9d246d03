//! Reads the command line and the environment of every process on the machine, over and over, and remembers what it must
//! not see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::process::{command_lines, environments, holds};

/// Watches until it is asked.
pub struct Witness {
    over: Arc<AtomicBool>,
    in_environments: Arc<Mutex<Vec<String>>>,
    watch: JoinHandle<(usize, Vec<String>)>,
}

impl Witness {
    /// Begins to look for these texts in command lines.
    pub fn of(texts: &[&str]) -> Self {
        let (over, in_environments) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let in_lines: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let (is_over, others) = (Arc::clone(&over), Arc::clone(&in_environments));
        let watch = thread::spawn(move || {
            let (mut rounds, mut found) = (0, Vec::new());
            while !is_over.load(Ordering::Relaxed) {
                rounds += 1;
                found.extend(told(command_lines(), &in_lines));
                let others: Vec<String> = others.lock().expect("nobody panics while they hold it").clone();
                if !others.is_empty() {
                    found.extend(told(environments(), &others));
                }
            }
            (rounds, found)
        });
        Self { over, in_environments, watch }
    }

    /// From here on, it looks for these in environments too.
    pub fn and_of_environments(self, texts: &[&str]) -> Self {
        let others = texts.iter().map(|text| (*text).to_owned());
        self.in_environments.lock().expect("nobody panics while they hold it").extend(others);
        self
    }

    /// How often it looked, and what it saw.
    pub fn ask(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        self.watch.join().expect("looking does not panic")
    }
}

fn told(seen: Vec<Vec<u8>>, texts: &[String]) -> Vec<String> {
    let tells = |seen: &Vec<u8>| texts.iter().any(|text| holds(seen, text.as_bytes()));
    seen.into_iter().filter(tells).map(|seen| String::from_utf8_lossy(&seen).into_owned()).collect()
}
