//! The machine itself: this program, the clock, the terminal, git.

use std::io::{self, IsTerminal};

use jiff::{SignedDuration, Timestamp};

use super::{Finding, Subject, ask};

pub(super) async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("shipctl", env!("CARGO_PKG_VERSION")), clock(subject.now).await, terminal()];
    findings.push(git(subject).await);
    findings
}

/// A clock that is wrong makes certificates invalid, and records that nobody can put in order.
async fn clock(now: Timestamp) -> Finding {
    let shown = now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let installed = std::env::current_exe().and_then(|path| path.metadata()?.modified());
    let installed = installed.ok().and_then(|at| Timestamp::try_from(at).ok());
    if installed.is_some_and(|installed| now.duration_since(installed) < SignedDuration::from_hours(-24)) {
        let found = format!("{shown}, which is before this program was installed");
        return Finding::fail("clock", found, "set it; certificates are taken for invalid by a clock that is wrong");
    }
    // Where it is not known whether somebody keeps the clock, it is not known to be wrong either.
    let kept = ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).await;
    match kept {
        Some((true, lines)) if lines.first().is_some_and(|line| line == "no") => {
            let found = format!("{shown}, kept right by nobody");
            Finding::warn("clock", found, "timedatectl set-ntp true")
        }
        _ => Finding::ok("clock", shown),
    }
}

fn terminal() -> Finding {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let term = variable("TERM").unwrap_or_default();
    if !io::stderr().is_terminal() {
        return Finding::ok("terminal", "none here: one line per event, and no questions");
    }
    if term.is_empty() || term == "dumb" {
        let found = "one that cannot redraw: one line per event";
        return Finding::warn("terminal", found, "set TERM to what it is, such as xterm-256color");
    }
    let colours = if variable("NO_COLOR").is_some() { "no colours (NO_COLOR)" } else { "colours" };
    let live = if variable("CI").is_some() { "lines, as CI is set" } else { "a live tree" };
    Finding::ok("terminal", format!("{term}: {live}, {colours}"))
}

/// Shipctl needs no git. But what is deployed is then in nobody's history.
async fn git(subject: &Subject<'_>) -> Finding {
    let Some((true, version)) = ask("git", &["--version"]).await else {
        return Finding::warn(
            "git",
            "not found",
            "install it: manifests and encrypted secrets belong into a repository",
        );
    };
    let version = version.first().cloned().unwrap_or_default();
    let Some(root) = subject.root else { return Finding::ok("git", version) };
    let root = root.display().to_string();
    if let Some((true, _)) = ask("git", &["-C", &root, "rev-parse", "--is-inside-work-tree"]).await {
        return Finding::ok("git", version);
    }
    let found = format!("{version}; the project is in no repository");
    Finding::warn("git", found, format!("git -C {root} init, so that others see what is deployed"))
}
