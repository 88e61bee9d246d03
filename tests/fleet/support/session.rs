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
use super::process::{attempt, command};
use super::{Shape, images, root};

/// One fleet at a time: two would measure each other.
const LOCK: &str = "/tmp/shipctl-tests-t1.lock";

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
    reaper: Child,
    /// One fleet on the machine. The reaper holds it too, until the fleet is down.
    _lock: File,
}

impl Session {
    /// Starts a fleet. One that an earlier run left behind ends first.
    pub fn begin(shape: &'static Shape) -> Self {
        require();
        // One that another user has made can be read, which is enough for locking.
        let lock = File::open(LOCK).or_else(|_| File::create(LOCK)).expect("the lock file can be opened");
        until("no other run of these tests", Duration::from_mins(15), || lock.try_lock().ok());
        script(&["down", "--name", shape.name]).expect("an earlier fleet can be ended");
        let reaper = reaper(&lock, shape.name);
        let Shape { name, subnet, tcp, .. } = shape;
        let (hosts, balancers) = (shape.hosts.to_string(), shape.balancers.to_string());
        let machines = ["--hosts", &hosts, "--tcp", tcp, "--balancers", &balancers, "--registry", "--builder"];
        script(&[&["up", "--name", name, "--subnet", subnet], &machines[..]].concat())
            .unwrap_or_else(|complaint| panic!("the fleet does not start\n{complaint}"));
        let directory = PathBuf::from(format!("/tmp/shipctl-fleet-{name}"));
        let facts = fs::read_to_string(directory.join("fleet.json")).expect("the fleet describes itself");
        let facts = serde_json::from_str(&facts).expect("the fleet describes itself in JSON");
        let session = Self { facts, directory, shape, reaper, _lock: lock };
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
        let directory = self.directory.to_string_lossy();
        script(&[&["--dir", &directory], arguments].concat())
    }

    /// Ends the fleet now.
    pub fn end(mut self) {
        script(&["down", "--name", self.shape.name]).unwrap_or_else(|complaint| panic!("{complaint}"));
        let mut input = self.reaper.stdin.take().expect("the reaper has an input");
        std::io::Write::write_all(&mut input, b"over\n").expect("the reaper listens");
        drop(input);
        self.reaper.wait().expect("the reaper ends");
    }
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

fn script(arguments: &[&str]) -> Result<String, String> {
    attempt(command("timeout").args(["--kill-after=5", "180"]).arg(path()).args(arguments))
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
