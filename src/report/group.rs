//! Groups in the log of a CI system, each in the system's own marks, so that a reader can fold what went well. After
//! a failure nothing is folded away.

use std::borrow::Cow;
use std::io::Write;

use jiff::Timestamp;

use crate::event::Event;

use super::line::{names, services};

/// A CI system whose logs can be folded, or which takes marks in a log for commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// GitHub Actions, and Gitea's and Forgejo's, which say that they are it.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Azure Pipelines.
    Azure,
    /// Buildkite.
    Buildkite,
    /// `TeamCity`.
    TeamCity,
}

impl System {
    /// The one that says in its variable that this runs there.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let says = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "false");
        let known = [
            ("GITHUB_ACTIONS", Self::GitHub),
            ("GITLAB_CI", Self::GitLab),
            ("TF_BUILD", Self::Azure),
            ("BUILDKITE", Self::Buildkite),
            ("TEAMCITY_VERSION", Self::TeamCity),
        ];
        known.into_iter().find(|(name, _)| says(name)).map(|(_, system)| system)
    }

    /// The text with what the system would take for a command of ours broken: it may be a container's.
    pub fn harmless(self, text: &str) -> Cow<'_, str> {
        let commands: &[&str] = match self {
            Self::GitHub | Self::Azure => &["##[", "##vso["],
            Self::TeamCity => &["##teamcity["],
            // Theirs begin with an escape, or a line, and nothing foreign does.
            Self::GitLab | Self::Buildkite => &[],
        };
        let mut text = Cow::Borrowed(text);
        for command in commands {
            if text.contains(command) {
                text = Cow::Owned(text.replace(command, &command.replacen("##", "# #", 1)));
            }
        }
        let is_command = |line: &str| line.trim_start().starts_with("::");
        if self == Self::GitHub && text.lines().any(is_command) {
            let broken = text
                .split_inclusive('\n')
                .map(|line| if is_command(line) { line.replacen("::", ": :", 1) } else { line.to_owned() });
            text = Cow::Owned(broken.collect());
        }
        text
    }

    /// What opens a group, the number of which nothing else in this log has.
    fn begin(self, number: u64, title: &str, at: Timestamp) -> String {
        match self {
            Self::GitHub => format!("::group::{title}\n"),
            Self::GitLab => format!("\u{1b}[0Ksection_start:{}:shipctl_{number}\r\u{1b}[0K{title}\n", at.as_second()),
            Self::Azure => format!("##[group]{title}\n"),
            Self::Buildkite => format!("--- {title}\n"),
            Self::TeamCity => format!("##teamcity[blockOpened name='{}']\n", quoted(title)),
        }
    }

    /// What closes it.
    fn end(self, number: u64, title: &str, at: Timestamp) -> String {
        match self {
            Self::GitHub => "::endgroup::\n".to_owned(),
            Self::GitLab => format!("\u{1b}[0Ksection_end:{}:shipctl_{number}\r\u{1b}[0K\n", at.as_second()),
            Self::Azure => "##[endgroup]\n".to_owned(),
            // The next one ends it.
            Self::Buildkite => String::new(),
            Self::TeamCity => format!("##teamcity[blockClosed name='{}']\n", quoted(title)),
        }
    }

    /// What keeps the group that is open, or was the last, from being folded.
    fn unfold(self) -> &'static str {
        match self {
            Self::Buildkite => "^^^ +++\n",
            Self::GitHub | Self::GitLab | Self::Azure | Self::TeamCity => "",
        }
    }
}

/// The escapes of `TeamCity`.
fn quoted(text: &str) -> String {
    let escaped = text.chars().flat_map(|character| {
        let is_special = matches!(character, '|' | '\'' | '[' | ']');
        is_special.then_some('|').into_iter().chain([character])
    });
    escaped.collect()
}

/// The groups of one log.
pub struct Groups {
    system: System,
    out: Box<dyn Write + Send>,
    /// Number and title.
    open: Option<(u64, String)>,
    count: u64,
    at: Timestamp,
}

impl Groups {
    /// Marks go to `out` as they are, escapes too.
    pub fn new(system: System, out: Box<dyn Write + Send>) -> Self {
        Self { system, out, open: None, count: 0, at: Timestamp::UNIX_EPOCH }
    }

    /// The system whose log it is.
    pub fn system(&self) -> System {
        self.system
    }

    /// Opens and closes what an event opens and closes, before its line is written.
    pub fn take(&mut self, event: &Event, at: Timestamp) {
        self.at = at;
        if let Some(title) = title(event) {
            self.close();
            self.count += 1;
            let mark = self.system.begin(self.count, &title, at);
            self.write(&mark);
            self.open = Some((self.count, title));
        } else if matches!(event, Event::HostFailed { .. } | Event::RollingBack { .. }) {
            if self.open.is_some() {
                let mark = self.system.unfold();
                self.write(mark);
            }
            self.close();
        }
    }

    /// Closes what is open.
    pub fn close(&mut self) {
        if let Some((number, title)) = self.open.take() {
            let mark = self.system.end(number, &title, self.at);
            self.write(&mark);
        }
    }

    fn write(&mut self, mark: &str) {
        // As with the lines: a log that cannot be written must not end a rollout.
        let _ = self.out.write_all(mark.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// The group that an event begins.
fn title(event: &Event) -> Option<String> {
    Some(match event {
        Event::Observing { scope, .. } => format!("look at {} {}, and build", scope.project, scope.environment),
        Event::RolloutStarted { plan, .. } => format!("prepare {}", plan.release),
        Event::BatchStarted { number, of, service, beside, hosts } => {
            format!("batch {number} of {of}: {} on {}", services(service, beside), names(hosts))
        }
        Event::Recording { .. } => "record and tidy up".to_owned(),
        _ => return None,
    })
}
