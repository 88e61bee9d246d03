//! What an operator sees of a rollout on a terminal, while it goes on.

use indicatif::{InMemoryTerm, ProgressDrawTarget};
use shipctl::event::{Event, EventSink, Record};
use shipctl::redact::Redactor;
use shipctl::report::Display;
use shipctl::report::terminal::TerminalDisplay;

use crate::report_lines::rollout;

struct Screen {
    term: InMemoryTerm,
    display: TerminalDisplay,
}

impl Screen {
    fn new() -> Self {
        let term = InMemoryTerm::new(24, 100);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        Self { term, display: TerminalDisplay::on(target, false, Redactor::default()) }
    }

    /// Shows the records up to and with the first that is this one.
    fn up_to(&self, records: &[Record], last: impl Fn(&Event) -> bool) -> String {
        let until = records.iter().position(|record| last(&record.event)).expect("there is one") + 1;
        for record in &records[..until] {
            self.display.take(record);
        }
        self.text()
    }

    /// The live lines without spinners, and elapsed times as they are in the first second.
    fn text(&self) -> String {
        let text = self.term.contents();
        let spinner = |line: &str| {
            let line =
                line.split_once("─ ").map_or(line.to_owned(), |(branch, rest)| format!("{branch}─ {}", &rest[1..]));
            let line = line.strip_prefix(['-', '\\', '|', '/', ' ']).map_or(line.clone(), str::to_owned);
            line.trim_end_matches(['0', 's']).trim_end().to_owned()
        };
        text.lines().map(spinner).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn hosts_in_hand_hang_on_the_rollout_with_their_steps() {
    let (screen, release) = (Screen::new(), crate::report_lines::first_plan().release);
    let text = screen.up_to(&rollout(), |event| matches!(event, Event::Probed { not_ready: Some(_), .. }));
    let lines: Vec<_> = text.lines().rev().take(2).collect();
    let trunk = format!(" deploy of {release} to shop prod: batch 1 of 2, 0 of 2 run it");
    assert_eq!(lines[1], trunk, "{text}");
    assert_eq!(lines[0], "└─  web1  web  gate new (2 of 3)  not ready: connection refused", "{text}");
    screen.display.clear();
    assert!(!screen.text().contains("0 of 2 run it"), "nothing of it is left: {}", screen.text());
    assert!(screen.text().contains("batch 1 of 2: web on web1"), "what is of interest stays: {}", screen.text());
}

#[test]
fn bytes_of_an_image_are_a_bar_on_the_branch_of_their_host() {
    let screen = Screen::new();
    screen.up_to(&rollout(), |event| matches!(event, Event::Pulling { .. }));
    // Drawn with the next tick, however many bytes come meanwhile.
    let deadline = std::time::Duration::from_secs(10);
    let mut last = String::new();
    for _ in 0..deadline.as_millis() / 10 {
        last = screen.text().lines().last().expect("a line").to_owned();
        if last.contains("10 B of 20 B") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(last.starts_with("└─  web1  pulling") && last.contains("========>"), "half of it: {last}");
    assert!(last.contains("10 B of 20 B"), "{last}");
}

#[test]
fn what_the_builder_sends_is_not_said_to_be_pulled() {
    let (screen, mut records) = (Screen::new(), rollout());
    for record in &mut records {
        if let Event::Pulling { host, done, total } = record.event.clone() {
            record.event = Event::Sending { host, done, total };
        }
    }
    let text = screen.up_to(&records, |event| matches!(event, Event::Sending { .. }));
    assert!(text.lines().last().is_some_and(|last| last.starts_with("└─  web1  sending")), "{text}");
}

#[test]
fn a_host_that_goes_back_does_not_run_it_any_more() {
    let screen = Screen::new();
    let mut records = rollout();
    let text = screen.up_to(&records, |event| matches!(event, Event::RollingBack { .. }));
    assert!(text.contains("rolling back, 1 of 2 run it"), "{text}");
    let back = Event::Unwound { host: "web1".parse().expect("a name"), service: "web".parse().expect("a name") };
    let last = records.last_mut().expect("a record");
    last.event = back;
    screen.display.take(last);
    assert!(screen.text().contains("rolling back, 0 of 2 run it"), "{}", screen.text());
}
