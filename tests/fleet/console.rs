//! What containers print, followed across whatever happens to hosts and containers; what is done in them by hand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

use crate::support::poll::until;
use crate::support::process::{command, finish, signal};
use crate::support::{API_TOKEN, Fleet, Project, Running, SOON};

/// Every container prints a numbered line each so often.
fn chatting(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.edit("GREETING: hello", "GREETING: hello, CHATTER: 50ms");
    project.install();
    project
}

/// A place for sockets of what goes on while something else is run to its end.
fn own_sockets(project: &Project) -> std::path::PathBuf {
    let own = project.path("own");
    std::fs::create_dir_all(&own).expect("a directory");
    own
}

/// `logs` while it runs.
struct Listening {
    child: Child,
    lines: Receiver<Value>,
    seen: Vec<Value>,
}

impl Listening {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let mut shipctl = Running::command(project, "json");
        shipctl.args(["logs", "prod"]).args(arguments).stdin(Stdio::null());
        // Its connections are none that another run has left behind.
        shipctl.env("XDG_RUNTIME_DIR", own_sockets(project));
        let mut child = shipctl.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("shipctl starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = out.lines().map_while(Result::ok);
            lines.map(|line| serde_json::from_str(&line).expect("JSON")).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads on until it has come.
    #[track_caller]
    fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) {
        loop {
            let next = self.lines.recv_timeout(SOON * 4).unwrap_or_else(|error| panic!("{error}: {what}"));
            self.seen.push(next);
            if self.seen.last().is_some_and(&is_it) {
                return;
            }
        }
    }

    /// Ends it as an operator does; all that it has shown.
    fn end(mut self) -> (Option<i32>, Vec<Value>) {
        signal("INT", self.child.id());
        let status = until("it ends", SOON, || self.child.try_wait().expect("it can be waited for"));
        self.seen.extend(self.lines.iter());
        (status.code(), self.seen)
    }
}

/// Of each container, the numbers of the lines that were shown, in their order.
fn numbers(shown: &[Value]) -> BTreeMap<(String, String), Vec<u64>> {
    let mut numbers = BTreeMap::<_, Vec<u64>>::new();
    for line in shown {
        let Some((_, number)) = line["line"].as_str().and_then(|line| line.split_once(" line ")) else { continue };
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        let number = number.parse().expect("a number");
        numbers.entry((text("host"), text("container"))).or_default().push(number);
    }
    numbers
}

/// No line is missing, and none comes twice.
#[track_caller]
fn assert_whole(numbers: &BTreeMap<(String, String), Vec<u64>>) {
    for (container, numbers) in numbers {
        let first = numbers[0];
        let expected: Vec<u64> = (first..).take(numbers.len()).collect();
        assert_eq!(*numbers, expected, "{container:?}");
    }
}

#[test]
fn lines_of_three_hosts_come_in_the_order_of_their_times() {
    let fleet = Fleet::start();
    let project = chatting(&fleet);
    let said = || project.said(&["logs", "prod", "--since", "1h", "--grep", "line", "--timestamps"]);
    let said = until("every host has printed a few", SOON, || {
        let said = said();
        ["h1", "h2", "h3"].iter().all(|host| said.matches(&format!("Z {host} | v1 line")).count() > 5).then_some(said)
    });
    let times: Vec<_> = said.lines().map(|line| line.split_once(' ').expect("a time").0).collect();
    assert!(times.is_sorted(), "{said}");
    let last = project.said(&["logs", "prod", "--host", "h2", "--tail", "3", "--no-prefix"]);
    assert_eq!(last.lines().filter(|line| line.starts_with("v1 line ")).count(), 3, "{last}");
    fleet.script(&["cut", "h2"]);
    let run = project.run(&["logs", "prod", "--tail", "2"]).expect(1);
    fleet.script(&["heal", "h2"]);
    assert!(run.result["logs"]["unreachable"]["h2"].is_string(), "{run}");
    assert_eq!(run.result["logs"]["lines"], 4, "{run}");
}

#[test]
fn a_deploy_and_a_restart_of_ssh_lose_and_repeat_no_line() {
    let fleet = Fleet::start();
    let project = chatting(&fleet);
    let mut listening = Listening::start(&project, &["-f"]);
    for host in ["h1", "h2", "h3"] {
        listening.wait_for(host, |line| line["host"] == host && line["release"] == 1);
    }
    project.deployed("v2");
    for host in ["h1", "h2", "h3"] {
        let is_new = |line: &Value| line["line"].as_str().is_some_and(|line| line.starts_with("v2 line "));
        listening.wait_for(host, |line| line["host"] == host && is_new(line));
    }
    fleet.script(&["restart-ssh", "h1"]);
    listening.wait_for("h1 is lost", |line| line["event"]["listening"]["lost"]["host"] == "h1");
    listening.wait_for("h1 is back", |line| line["event"]["listening"]["back"]["host"] == "h1");
    listening.wait_for("h1 prints", |line| line["host"] == "h1");
    listening.wait_for("h1 prints", |line| line["host"] == "h1");
    let (code, shown) = listening.end();
    assert_eq!(code, Some(0));
    let numbers = numbers(&shown);
    assert_eq!(numbers.len(), 6, "the containers of two releases on three hosts");
    assert_whole(&numbers);
    for ((host, container), numbers) in numbers {
        let is_new = fleet.host(&host).only().name() == container;
        assert!(!is_new || numbers[0] == 1, "{container} is read from its first line");
    }
}

/// A program on a terminal, as an operator has it.
struct Terminal {
    child: Child,
    keys: std::process::ChildStdin,
    shown: Receiver<Vec<u8>>,
    seen: String,
    facts: std::path::PathBuf,
}

impl Terminal {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let facts = project.path("terminal");
        // What is behind it tells how the terminal was left.
        let line = format!(
            "tty > {facts}; {} {}; code=$?; stty -a > {facts}.after; exit $code",
            env!("CARGO_BIN_EXE_shipctl"),
            arguments.join(" "),
            facts = facts.display()
        );
        let mut script = command("script");
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).current_dir(project.root());
        script.env("SHIPCTL_SSH_CONFIG", &project.ssh_config).env("XDG_RUNTIME_DIR", own_sockets(project));
        script.env("TERM", "xterm").env_remove("CI");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script starts");
        let (keys, mut out) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, shown, seen: String::new(), facts }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("it reads");
    }

    /// Reads on until it is shown; what stood before it.
    #[track_caller]
    fn wait_for(&mut self, text: &str) -> String {
        while !self.seen.contains(text) {
            let more = self.shown.recv_timeout(SOON).unwrap_or_else(|_| panic!("no `{text}` in:\n{}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        let (before, rest) = self.seen.split_once(text).expect("it is there");
        let before = before.to_owned();
        self.seen = rest.to_owned();
        before
    }

    fn resize(&self, rows: u16, columns: u16) {
        let terminal = std::fs::read_to_string(&self.facts).expect("the terminal's name");
        let (rows, columns) = (rows.to_string(), columns.to_string());
        finish(command("stty").args(["-F", terminal.trim(), "rows", &rows, "cols", &columns]));
    }

    /// It ends with this code, and leaves the terminal as it was.
    #[track_caller]
    fn expect(mut self, code: i32) {
        let status = until("it ends", SOON, || self.child.try_wait().expect("it can be waited for"));
        assert_eq!(status.code(), Some(code), "{}", self.seen);
        let after = std::fs::read_to_string(self.facts.with_extension("after")).expect("the terminal's settings");
        let words: Vec<_> = after.split_whitespace().collect();
        assert!(["icanon", "echo", "isig"].iter().all(|word| words.contains(word)), "{after}");
    }
}

#[test]
fn a_program_in_one_container_has_the_terminal_and_its_exit_code_is_ours() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    for host in ["h1", "h3"] {
        let words = ["exec", "prod", "--host", host, "--", "/fixture-app", "terminal"];
        let mut terminal = Terminal::start(&project, &words);
        terminal.wait_for("a terminal");
        terminal.resize(33, 111);
        until("the program knows the new size", SOON, || {
            terminal.press("size\r");
            terminal.wait_for(" rows ");
            terminal.wait_for(" columns").starts_with("111").then_some(())
        });
        terminal.press("exit 7\r");
        terminal.expect(7);
        let mut terminal = Terminal::start(&project, &words);
        terminal.wait_for("a terminal");
        // Ctrl-C is the program's, and not ours.
        terminal.press("\u{3}");
        terminal.expect(130);
    }
}

#[test]
fn what_is_piped_through_a_program_arrives_as_it_is() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for host in ["h1", "h3"] {
        let mut shipctl = Running::command(&project, "plain");
        shipctl.args(["exec", "prod", "--host", host, "-i", "--", "/fixture-app", "cat"]);
        let mut child = shipctl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("shipctl starts");
        let mut input = child.stdin.take().expect("a pipe");
        let sent = bytes.clone();
        let writer = thread::spawn(move || input.write_all(&sent));
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("it reads all");
        assert!(output.status.success());
        assert!(output.stdout == bytes, "{host}: {} bytes of {}", output.stdout.len(), bytes.len());
    }
}

#[test]
fn a_program_in_several_containers_writes_behind_their_names_and_is_written_down() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let said = project.said(&["exec", "prod", "--reason", "ticket 7", "--", "/fixture-app", "echo", API_TOKEN]);
    let mut lines: Vec<_> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["h1", "h2", "h3"].map(|host| format!("{host} | [secret api_token]")));
    let run = project.run(&["exec", "prod", "--host", "h1,h2", "--", "/fixture-app", "exit", "3"]).expect(3);
    let codes: Vec<_> = run.result["exec"].as_array().expect("endings").iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, [3, 3]);
    let run = project.run(&["exec", "prod", "--host", "h1", "--", "/nothing/there"]);
    assert!(matches!(run.code, Some(126 | 127)), "as the engine says it: {run}");
    let run = project.run(&["history", "prod", "--by-hand"]).expect(0);
    let deeds = run.result["by_hand"].as_array().expect("deeds");
    assert_eq!(deeds.len(), 3, "{run}");
    let first = &deeds[2];
    assert_eq!((&first["verb"], &first["reason"]), (&"exec".into(), &"ticket 7".into()), "{run}");
    assert_eq!(first["command"][2], "[secret api_token]", "{run}");
    assert_eq!(first["places"].as_array().map(Vec::len), Some(3), "{run}");
    assert_eq!(first["endings"][1]["code"], 0, "{run}");
}

/// Containers that somebody has started by hand.
fn by_hand(fleet: &Fleet) -> Vec<String> {
    let all = fleet.hosts().into_iter().flat_map(|host| host.containers());
    all.map(|container| container.name().to_owned()).filter(|name| name.contains("-job-run-")).collect()
}

#[test]
fn a_container_of_its_own_is_like_the_service_and_is_removed_whatever_happens() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project
        .edit("secrets: [api_token]", "secrets: [api_token, { source: api_token, target: /run/other, tmpfs: true }]");
    project.install();
    let before = fleet.snapshot();
    let words = |rest: &[&'static str]| [&["run", "prod", "--service", "web"][..], rest].concat();
    for file in ["/run/secrets/api_token", "/run/other"] {
        assert_eq!(project.said(&words(&["--host", "h2", "--", "cat", file])), API_TOKEN);
    }
    assert_eq!(project.said(&words(&["--host", "h3", "--", "cat", "/etc/app/app.conf"])).trim(), "host=h3");
    // It finds the service under its name, and not itself.
    project.run(&words(&["--", "probe", "http://web/up"])).expect(0);
    project.run(&words(&["--", "exit", "9"])).expect(9);
    assert_eq!(by_hand(&fleet), [""; 0]);

    let mut terminal = Terminal::start(&project, &words(&["--host", "h1", "--", "terminal"]));
    terminal.wait_for("a terminal");
    assert_eq!(by_hand(&fleet).len(), 1);
    project.run(&["status", "prod", "--check"]).expect(0);
    project.run(&["plan", "prod", "--check"]).expect(0);
    terminal.press("exit 4\r");
    terminal.expect(4);
    assert_eq!(by_hand(&fleet), [""; 0]);

    let mut waiting = Running::command(&project, "plain");
    waiting.args(words(&["--", "wait"])).env("XDG_RUNTIME_DIR", own_sockets(&project));
    let mut waiting = waiting.stdin(Stdio::null()).spawn().expect("shipctl starts");
    until("it runs", SOON, || (by_hand(&fleet).len() == 1).then_some(()));
    signal("INT", waiting.id());
    let status = until("it ends", SOON * 2, || waiting.try_wait().expect("it can be waited for"));
    assert_eq!(status.code(), Some(6));
    assert_eq!(by_hand(&fleet), [""; 0]);

    // Nobody is left to clear up: what reads from somebody who is gone ends, and the engine removes it.
    let mut reading = Running::command(&project, "plain");
    reading.env("XDG_RUNTIME_DIR", own_sockets(&project));
    reading.args(words(&["-i", "--", "cat"])).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut reading = reading.spawn().expect("shipctl starts");
    until("it runs", SOON, || (fleet.host("h1").running().len() == 2).then_some(()));
    reading.kill().and_then(|()| reading.wait()).expect("it can be killed");
    until("it is removed", SOON * 2, || by_hand(&fleet).is_empty().then_some(()));

    let kept = project.said(&words(&["--detach", "--keep", "--", "echo", "done"]));
    assert_eq!(by_hand(&fleet), [kept.trim()]);
    fleet.script(&["docker", "h1", "rm", "--force", kept.trim()]);
    assert_eq!(fleet.snapshot(), before, "nothing else was touched");
}

#[test]
fn what_containers_use_and_what_happens_to_them_is_told_of_all_hosts() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let run = project.run(&["top", "prod"]).expect(0);
    let rows = run.result["top"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3, "{run}");
    for row in rows {
        assert!(row["usage"]["memory"].as_u64().is_some_and(|bytes| bytes > 0), "{run}");
    }
    let said = project.said(&["top", "prod", "--host", "h2"]);
    assert!(said.lines().nth(1).is_some_and(|line| line.starts_with("h2") && line.contains(" r1 ")), "{said}");
    fleet.host("h1").only();
    project.run(&["exec", "prod", "--host", "h1", "--", "/fixture-app", "echo"]).expect(0);
    project.tag("v2");
    project.install();
    let happened = |more: &[&str]| {
        let mut shipctl = Running::command(&project, "json");
        let output = finish(shipctl.args(["events", "prod", "--since", "1h", "--until", "0s"]).args(more));
        let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let (results, events): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.get("exit").is_some());
        assert_eq!((&results[0]["exit"], &results[0]["events"]["events"]), (&0.into(), &events.len().into()));
        events
    };
    let events = happened(&[]);
    let times: Vec<_> = events.iter().map(|event| event["at"].as_str().expect("a time")).collect();
    for host in ["h1", "h2", "h3"] {
        let of_host = |action: &str, release: u64| {
            events.iter().any(|one| one["host"] == host && one["action"] == action && one["release"] == release)
        };
        assert!(of_host("start", 1) && of_host("die", 1) && of_host("start", 2), "{events:?}");
    }
    assert!(times.is_sorted(), "{times:?}");
    let is_exec = |one: &Value| one["action"].as_str().is_some_and(|action| action.starts_with("exec_start"));
    assert!(!events.iter().any(is_exec) && happened(&["--all", "--host", "h1"]).iter().any(is_exec));
}

#[test]
fn files_go_into_a_container_and_come_back_as_they_were() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    std::fs::create_dir_all(project.path("tree/sub")).expect("a directory");
    let large: Vec<u8> = (0..=255).cycle().take(5_000_000).collect();
    std::fs::write(project.path("tree/sub/large"), &large).expect("a file");
    std::os::unix::fs::symlink("sub/large", project.path("tree/link")).expect("a link");
    for host in ["h1", "h3"] {
        let there = |path: &str| format!("{host}:web:{path}");
        let fetch = |path: &str, to: &str| project.run(&["cp", "prod", &there(path), to]);
        project.run(&["cp", "prod", "tree", &there("/kept")]).expect(0);
        // In a directory that is there, it keeps its name.
        project.run(&["cp", "prod", "tree/sub", &format!("{host}:/kept"), "--reason", "why not"]).expect(0);
        let back = format!("back-{host}");
        let run = fetch("/kept", &back).expect(0);
        assert!(run.result["cp"]["bytes"].as_u64().is_some_and(|bytes| bytes > 5_000_000), "{run}");
        assert!(std::fs::read(project.path(&format!("{back}/link"))).is_ok_and(|read| read == large));
        assert!(std::fs::read(project.path(&format!("{back}/sub/large"))).is_ok_and(|read| read == large));
        fetch("/kept", &back).expect(0);
        fetch("/kept", &back).expect(1);
        fetch("/run/secrets/api_token", "token").expect(0);
        assert!(std::fs::read_to_string(project.path("token")).is_ok_and(|text| text == API_TOKEN));
        let run = fetch("/nothing/there", "nothing").expect(1);
        assert!(run.result["error"].to_string().contains("nothing/there"), "{run}");
        assert!(!project.path("nothing").exists());
        // A link that leads out comes from the container, and is refused.
        std::os::unix::fs::symlink("/etc/passwd", project.path("out")).expect("a link");
        std::fs::create_dir(project.path("evil")).expect("a directory");
        std::fs::rename(project.path("out"), project.path("evil/out")).expect("a directory");
        project.run(&["cp", "prod", "evil", &there("/")]).expect(0);
        fetch("/evil", "came").expect(1);
        assert!(!project.path("came").exists());
        std::fs::remove_dir_all(project.path("evil")).expect("it is there");
    }
    let run = project.run(&["history", "prod", "--by-hand", "--limit", "100"]).expect(0);
    let deeds = run.result["by_hand"].as_array().expect("deeds");
    assert!(deeds.iter().all(|deed| deed["verb"] == "cp" && deed["endings"].is_array()), "{run}");
    assert!(deeds.iter().any(|deed| deed["reason"] == "why not" && deed["command"][0] == "tree/sub"), "{run}");
}
