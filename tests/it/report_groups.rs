//! Groups in the logs of CI systems.

use std::io::Write;
use std::sync::{Arc, Mutex};

use anstream::AutoStream;
use shipctl::event::{Event, EventSink, Record};
use shipctl::redact::Redactor;
use shipctl::report::Display;
use shipctl::report::group::{Groups, System};
use shipctl::report::plain::PlainDisplay;

use crate::report_lines::rollout;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log(system: Option<System>, records: &[Record]) -> String {
    let log = Log::default();
    let groups = system.map(|system| Groups::new(system, Box::new(log.clone())));
    let out = AutoStream::never(Box::new(log.clone()) as Box<dyn Write + Send>);
    let display = PlainDisplay::new(Box::new(out), Redactor::default()).grouped(groups);
    for record in records {
        display.take(record);
    }
    display.clear();
    let bytes = log.0.lock().expect("nobody panicked").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

/// The marks of a log, without its lines; of those only what failed.
fn marks(system: System) -> Vec<String> {
    let log = log(Some(system), &rollout());
    let lines = log.lines().filter(|line| !line.starts_with('[') || line.contains("failed at"));
    lines.map(|line| if line.starts_with('[') { "FAILED".to_owned() } else { line.to_owned() }).collect()
}

fn release() -> String {
    crate::report_lines::first_plan().release.to_string()
}

#[test]
fn each_system_gets_its_own_marks_and_a_failure_is_in_no_group() {
    let prepare = format!("prepare {}", release());
    let titles = ["look at shop prod, and build", &prepare, "batch 1 of 2: web on web1", "batch 2 of 2: web on web2"];
    let pairs = |open: &dyn Fn(&str) -> String, close: &dyn Fn(&str) -> String| {
        let mut marks: Vec<_> = titles.iter().flat_map(|title| [open(title), close(title)]).collect();
        marks.push("FAILED".to_owned());
        marks
    };
    assert_eq!(marks(System::GitHub), pairs(&|title| format!("::group::{title}"), &|_| "::endgroup::".to_owned()));
    assert_eq!(marks(System::Azure), pairs(&|title| format!("##[group]{title}"), &|_| "##[endgroup]".to_owned()));
    let block = |verb: &'static str| move |title: &str| format!("##teamcity[block{verb} name='{title}']");
    assert_eq!(marks(System::TeamCity), pairs(&block("Opened"), &block("Closed")));
    let mut folds: Vec<_> = titles.iter().map(|title| format!("--- {title}")).collect();
    folds.extend(["^^^ +++".to_owned(), "FAILED".to_owned()]);
    assert_eq!(marks(System::Buildkite), folds);
}

#[test]
fn a_section_of_gitlab_has_a_name_of_its_own_and_the_time_of_its_records() {
    let log = log(Some(System::GitLab), &rollout());
    let batch = "\u{1b}[0Ksection_start:1795000003:shipctl_3\r\u{1b}[0Kbatch 1 of 2: web on web1\n";
    assert!(log.contains(batch), "{log:?}");
    assert!(log.contains("\u{1b}[0Ksection_end:1795000014:shipctl_3\r\u{1b}[0K\n"), "{log:?}");
    assert_eq!(log.matches("section_start").count(), log.matches("section_end").count());
}

#[test]
fn elsewhere_the_lines_are_the_same_and_nothing_is_between_them() {
    let plain = log(None, &rollout());
    for system in [System::GitHub, System::Azure, System::Buildkite, System::TeamCity] {
        let grouped = log(Some(system), &rollout());
        let lines: Vec<_> = grouped.lines().filter(|line| line.starts_with('[')).collect();
        assert_eq!(lines, plain.lines().collect::<Vec<_>>());
    }
}

#[test]
fn systems_are_known_by_the_variable_that_each_sets() {
    let of =
        |name: &'static str, value: &'static str| System::of(move |asked| (asked == name).then(|| value.to_owned()));
    assert_eq!(of("GITHUB_ACTIONS", "true"), Some(System::GitHub));
    assert_eq!(of("GITLAB_CI", "true"), Some(System::GitLab));
    assert_eq!(of("TF_BUILD", "True"), Some(System::Azure));
    assert_eq!(of("BUILDKITE", "true"), Some(System::Buildkite));
    assert_eq!(of("TEAMCITY_VERSION", "2026.1 (build 1)"), Some(System::TeamCity));
    assert_eq!((of("GITHUB_ACTIONS", "false"), of("CI", "true")), (None, None));
}

#[test]
fn what_a_container_prints_is_no_command_of_the_system() {
    let line = "##[error]x ##vso[task.setvariable variable=a]b ##teamcity[buildStop comment='x']".to_owned();
    let mut records = rollout();
    records[2].event = Event::BuildOutput { service: "web".parse().expect("a name"), line };
    for (system, commands) in
        [(System::GitHub, "##[error]"), (System::Azure, "##vso["), (System::TeamCity, "##teamcity[buildStop")]
    {
        assert!(log(None, &records).contains(commands));
        assert!(!log(Some(system), &records).contains(commands), "{system:?}");
    }
    let answer = "first cause: web\n  ::stop-commands::x\n::set-env::\n  a::b\n";
    assert_eq!(System::GitHub.harmless(answer), "first cause: web\n  : :stop-commands::x\n: :set-env::\n  a::b\n");
    assert_eq!(System::GitLab.harmless(answer), answer);
}
