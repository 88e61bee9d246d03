//! Whatever is shown or kept of a run passes the redactor: the journal, the plain lines, the objects.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

use shipctl::clock::Clock;
use shipctl::environment::{Scope, Secret};
use shipctl::event::{Event, EventSink, Failure, Record};
use shipctl::journal::FileJournal;
use shipctl::redact::Redactor;
use shipctl::report::json::JsonDisplay;
use shipctl::report::plain::PlainDisplay;
use shipctl::rollout::recorder::Recorder;

/// Longer than a line of the screen may be, so that one is cut in the middle of it.
const SECRET: &str = "correct-horse/battery+staple";

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn redactor() -> Redactor {
    let redactor = Redactor::default();
    redactor.learn([("db", &Secret::new(SECRET.to_owned()))]);
    redactor
}

/// A failure whose reason and log hold the secret, the first where a display cuts lines.
fn failure() -> Event {
    let reason = format!("{}{SECRET}", "x".repeat(290));
    let log = vec![format!("{{\"password\":\"{SECRET}\"}}"), "Y29ycmVjdC1ob3JzZS9iYXR0ZXJ5K3N0YXBsZQ==".to_owned()];
    let host = Some("web1".parse().unwrap());
    Event::HostFailed { failure: Failure { host, service: None, doing: "gate".to_owned(), reason, log } }
}

fn leaks(text: &str) -> bool {
    text.contains("correct") || text.contains("Y29ycm")
}

#[test]
fn a_record_is_redacted_before_anybody_cuts_it_and_in_the_journal() {
    let (root, page) = (tempfile::tempdir().unwrap(), Page::default());
    let scope = Scope { project: "shop".parse().unwrap(), environment: "prod".parse().unwrap() };
    let display = Arc::new(PlainDisplay::new(Box::new(page.clone()), Redactor::default()));
    let recorder = Recorder::new(Arc::new(Epoch), display).without(redactor());
    recorder.keep_in(Box::new(FileJournal::create(root.path(), &scope, "one", Redactor::default()).unwrap()));
    recorder.note(failure());
    let journal = fs::read_to_string(root.path().join(".shipctl/prod/one.jsonl")).unwrap();
    assert_eq!(journal.matches("[secret db]").count(), 3, "{journal}");
    for text in [journal, page.text()] {
        assert!(!leaks(&text), "{text}");
    }
}

#[test]
fn each_sink_redacts_by_itself() {
    let root = tempfile::tempdir().unwrap();
    let scope = Scope { project: "shop".parse().unwrap(), environment: "prod".parse().unwrap() };
    let (plain, json) = (Page::default(), Page::default());
    let record = Record {
        format: 1,
        sequence: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        event: Event::BuildOutput { service: "web".parse().unwrap(), line: format!("login {SECRET}") },
    };
    PlainDisplay::new(Box::new(plain.clone()), redactor()).take(&record);
    JsonDisplay::new(Box::new(json.clone()), redactor()).take(&record);
    let recorder = Recorder::new(Arc::new(Epoch), Arc::new(PlainDisplay::new(Box::new(Page::default()), redactor())));
    recorder.keep_in(Box::new(FileJournal::create(root.path(), &scope, "one", redactor()).unwrap()));
    recorder.note(failure());
    let journal = fs::read_to_string(root.path().join(".shipctl/prod/one.jsonl")).unwrap();
    for text in [plain.text(), json.text(), journal] {
        assert!(text.contains("[secret db]") && !leaks(&text), "{text}");
    }
}
