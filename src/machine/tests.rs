//! Scripts, run on this machine.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use async_trait::async_trait;

use super::look::Wanted;
use super::*;
use crate::fleet::machine::Content;
use crate::fleet::setup::Step;
use crate::transport::{Program, Stream, process};

/// This machine, as if it were reached by SSH; with programs of the test's own before all others.
#[derive(Default)]
struct Here {
    programs: Option<PathBuf>,
}

#[async_trait]
impl Transport for Here {
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError> {
        unreachable!("no engine is asked for")
    }

    async fn dial(&self, _: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>> {
        None
    }

    async fn sockets(&self, _: u32) -> Option<Result<String, TransportError>> {
        None
    }

    async fn start(&self, words: &[String]) -> Option<Result<Program, TransportError>> {
        let mut command = process::command(&words[0]);
        if let Some(programs) = &self.programs {
            command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        }
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Some(Err(TransportError { message: error.to_string(), hint: None })),
        };
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(complaints)) = pipes else { unreachable!("they were asked for") };
        let ended = Box::pin(async move { u8::try_from(child.wait().await.ok()?.code()?).ok() });
        let (input, output, complaints) = (Box::new(input), Box::new(output), Box::new(complaints));
        Some(Ok(Program { input, output, complaints, ended }))
    }

    fn address(&self) -> Option<String> {
        None
    }

    async fn close(&self) {}
}

fn here() -> Machine {
    Machine::new(Arc::new(Here::default()))
}

#[tokio::test]
async fn a_script_gets_its_words_and_its_input_and_says_why_it_failed() {
    let said = here().run("cat; printf '[%s]' \"$@\"", &["it's", "a b", ""], b"input ", SHORT).await.unwrap();
    assert_eq!(said, "input [it's][a b][]");
    let failed = |script: &'static str| async move {
        here().run(script, &[], b"not read", SHORT).await.unwrap_err().to_string()
    };
    assert_eq!(failed("echo; echo one >&2; echo two >&2; exit 3").await, "one; two");
    assert_eq!(failed("exit 3").await, "it ended with code 3");
    assert_eq!(failed("kill -9 $$").await, "it ended without a code");
    let late = here().run("sleep 30", &[], &[], Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(late, MachineError::Late(_)), "{late}");
}

#[tokio::test]
async fn a_file_is_written_whole_and_not_over_what_somebody_else_has_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/daemon.json");
    let file = path.to_string_lossy().into_owned();
    let write = |before: String, text: &'static str| {
        let file = file.clone();
        async move { here().run(work::WRITE, &[&file, &before], text.as_bytes(), SHORT).await }
    };
    write("none".to_owned(), "one\n").await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let refused = write("none".to_owned(), "two\n").await.unwrap_err().to_string();
    assert!(refused.ends_with("was changed by somebody else meanwhile"), "{refused}");
    write(work::digest("one\n"), "two\n").await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "as it was");
    assert!(write(work::digest("one\n"), "three\n").await.is_err());
    write("any".to_owned(), "three\n").await.unwrap();
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["daemon.json"], "nothing is left behind");
}

#[tokio::test]
async fn a_machine_tells_what_it_is() {
    let facts =
        here().look(&Wanted { root: "/no/such/directory", registry: "no.such", account: "root" }).await.unwrap();
    assert!(facts.distribution.is_some_and(|one| !one.id.is_empty()));
    assert!(facts.disk.is_some_and(|disk| disk.size > disk.free), "of the directory above it");
    assert!(facts.listeners.is_some() && facts.account.is_some_and(|account| account.groups.contains("root")));
    assert_eq!(facts.authority, Content::Absent);
}

#[tokio::test]
async fn an_engine_is_not_restarted_where_containers_would_end_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let program = |name: &str, script: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("sleep", "");
    let restarted = directory.path().join("restarted");
    let machine = Machine::new(Arc::new(Here { programs: Some(directory.path().to_owned()) }));
    for (is_active, state, expected) in [
        (true, "echo true 3", true),
        (true, "echo false 0", true),
        (true, "echo false 10", false),
        (true, "exit 1", false),
        (false, "exit 1", true),
    ] {
        let active = if is_active { "exit 0" } else { "exit 3" };
        program(
            "systemctl",
            &format!("case $1 in is-active) {active};; restart) touch {};; esac", restarted.display()),
        );
        program("docker", state);
        let done = machine.carry_out(&Step::Restart).await;
        assert_eq!((done.is_ok(), restarted.exists()), (expected, expected), "{is_active} {state}: {done:?}");
        let _ = std::fs::remove_file(&restarted);
    }
}
