//! What is said when shipctl itself is at fault: a panic, without the values of secrets.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{self, PanicHookInfo};

use crate::redact::Redactor;

/// From here on, panics are told without what `redactor` knows by then.
pub fn redact(redactor: &Redactor) {
    let redactor = redactor.clone();
    panic::set_hook(Box::new(move |panic| {
        // There is nobody left to be told.
        let _ = anstream::stderr().write_all(words(&redactor, panic).as_bytes());
    }));
}

fn words(redactor: &Redactor, panic: &PanicHookInfo<'_>) -> String {
    let mut text = format!("shipctl {panic}\n");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        text += &trace.to_string();
    }
    redactor.text(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::environment::Secret;

    #[test]
    fn a_panic_is_told_without_secrets() {
        let redactor = Redactor::default();
        redactor.learn([("db", &Secret::new("hunter2".to_owned()))]);
        let (sender, told) = mpsc::channel();
        let here = thread::current().id();
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == here {
                sender.send(words(&redactor, panic)).unwrap();
            }
        }));
        let caught = panic::catch_unwind(|| panic!("cannot use hunter2"));
        panic::set_hook(earlier);
        assert!(caught.is_err());
        let told = told.recv().unwrap();
        assert!(told.contains("cannot use [secret db]") && !told.contains("hunter2"), "{told}");
    }
}
