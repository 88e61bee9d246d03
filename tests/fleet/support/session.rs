//! The one fleet of this process: started by the first test that wants it, reset for every other, ended with
//! the process however that ends.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::poll::until;
use super::process::{attempt, attempt_on, command};
use super::shape::Plot;
use super::{Shape, images, root};

/// Longest run of the script; and of the one that builds a root, which comes from Debian's archive the first time.
const SCRIPT: Duration = Duration::from_mins(3);
const ROOT: Duration = Duration::from_mins(20);

/// Ends the fleet when the process that holds the other end of its input has ended, without having said `over`.
const REAPER: &str = r#"
trap '' HUP INT TERM
read -r word
[[ $word == over ]] || "$0" down --name "$1" >/dev/null 2>&1
"#;

/// A fleet that is up.
pub struct Session {
    pub facts: Value,
    pub directory: PathBuf,
    pub shape: &'static Shape,
    pub plot: &'static Plot,
    reaper: Child,
    /// One fleet on each plot. The reaper holds it too, until the fleet is down.
    _lock: File,
}

impl Session {
    /// Starts a fleet. One that an earlier run left behind ends first.
    pub fn begin(shape: &'static Shape) -> Self {
        require();
        let (plot, lock) =
            until("a part of this machine that no other run of these tests has", Duration::from_mins(20), || {
                shape.plots.iter().find_map(|plot| Some((plot, take(plot)?)))
            });
        let (Plot { name, subnet, .. }, tcp) = (plot, shape.tcp);
        script(&["down", "--name", name], Stdio::null()).expect("an earlier fleet can be ended");
        let reaper = reaper(&lock, name);
        let (hosts, balancers) = (shape.hosts.to_string(), shape.balancers.to_string());
        let machines = ["--hosts", &hosts, "--tcp", tcp, "--balancers", &balancers, "--registry", "--builder"];
        let engines: Vec<_> = shape.engines.iter().flat_map(|engine| ["--engine", engine]).collect();
        for engine in shape.engines {
            let root = engine.split(['=', '-']).nth(1).expect("a host and its engine");
            script_within(ROOT, &["root", root], Stdio::null()).unwrap_or_else(|complaint| panic!("{complaint}"));
        }
        script(&[&["up", "--name", name, "--subnet", subnet], &machines[..], &engines].concat(), Stdio::null())
            .unwrap_or_else(|complaint| panic!("the fleet does not start\n{complaint}"));
        let directory = PathBuf::from(format!("/tmp/shipctl-fleet-{name}"));
        let facts = fs::read_to_string(directory.join("fleet.json")).expect("the fleet describes itself");
        let facts = serde_json::from_str(&facts).expect("the fleet describes itself in JSON");
        let session = Self { facts, directory, shape, plot, reaper, _lock: lock };
        images::publish(&session);
        session
    }

    /// Takes away everything that a test has done to hosts, keys and registry.
    pub fn reset(&self) -> Result<(), String> {
        self.script(&["wipe"])?;
        self.script(&["ssh-config"])?;
        self.script(&["registry", "start"])?;
        Ok(())
    }

    /// The fleet script, on this fleet.
    pub fn script(&self, arguments: &[&str]) -> Result<String, String> {
        self.script_on(arguments, Stdio::null())
    }

    /// The same, with something to read.
    pub fn script_on(&self, arguments: &[&str], input: Stdio) -> Result<String, String> {
        let directory = self.directory.to_string_lossy();
        script(&[&["--dir", &directory], arguments].concat(), input)
    }

    /// Ends the fleet now.
    pub fn end(mut self) {
        script(&["down", "--name", self.plot.name], Stdio::null()).unwrap_or_else(|complaint| panic!("{complaint}"));
        let mut input = self.reaper.stdin.take().expect("the reaper has an input");
        std::io::Write::write_all(&mut input, b"over\n").expect("the reaper listens");
        drop(input);
        self.reaper.wait().expect("the reaper ends");
    }
}

/// The plot's lock, if nobody has it. One that another user has made can be read, which is enough for locking.
fn take(plot: &Plot) -> Option<File> {
    let lock = File::open(plot.lock).or_else(|_| File::create(plot.lock)).expect("the lock file can be opened");
    lock.try_lock().ok()?;
    Some(lock)
}

fn reaper(lock: &File, name: &str) -> Child {
    let lock = lock.try_clone().expect("a second handle on the lock");
    let mut reaper = command("bash");
    reaper.args(["-c", REAPER]).arg(path()).arg(name);
    // Ctrl-C in a terminal is not for it.
    reaper.stdin(Stdio::piped()).stdout(Stdio::from(lock)).stderr(Stdio::null()).process_group(0);
    reaper.spawn().expect("bash starts")
}

fn path() -> PathBuf {
    root().join("tests/fleet/fleet")
}

fn script(arguments: &[&str], input: Stdio) -> Result<String, String> {
    script_within(SCRIPT, arguments, input)
}

fn script_within(limit: Duration, arguments: &[&str], input: Stdio) -> Result<String, String> {
    let limit = limit.as_secs().to_string();
    attempt_on(command("timeout").args(["--kill-after=5", &limit]).arg(path()).args(arguments), input)
}

/// What has to be there, said before anything fails for want of it.
fn require() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|owner| owner.uid() == 0);
    assert!(
        is_root || attempt(command("sudo").args(["-n", "true"])).is_ok(),
        "fleet tests start Docker hosts in namespaces of this machine: run them as root, or with sudo that asks for no password"
    );
    let fixture = root().join("target/fixture/image/fixture-app");
    assert!(fixture.exists(), "{} is missing: make fixture", fixture.display());
}
