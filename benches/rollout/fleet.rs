//! The hosts: a fleet of the tests (`tests/fleet`), under a name of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const NAME: &str = "bench";

/// A running fleet; ends when dropped.
pub(crate) struct Fleet {
    directory: PathBuf,
    facts: Value,
}

/// How a host is reached.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) over_ssh: bool,
    pub(crate) socket: PathBuf,
}

impl Fleet {
    pub(crate) fn up(hosts: usize) -> Result<Self> {
        down();
        // From here on: whatever fails ends what was started.
        let mut fleet = Self { directory: PathBuf::new(), facts: Value::Null };
        let hosts = hosts.to_string();
        run(script().args([
            "up",
            "--name",
            NAME,
            "--subnet",
            "10.79.0",
            "--registry",
            "--builder",
            "--hosts",
            &hosts,
        ]))?;
        fleet.directory = PathBuf::from(format!("/tmp/shipctl-fleet-{NAME}"));
        let facts = std::fs::read_to_string(fleet.directory.join("fleet.json"))?;
        fleet.facts = serde_json::from_str(&facts)?;
        Ok(fleet)
    }

    /// A file of the fleet's directory.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(crate) fn registry(&self) -> Result<String> {
        text(&self.facts["registry"]["address"])
    }

    pub(crate) fn registry_user(&self) -> Result<String> {
        text(&self.facts["registry"]["user"])
    }

    pub(crate) fn registry_password(&self) -> PathBuf {
        self.file("registry/password")
    }

    pub(crate) fn hosts(&self) -> Result<Vec<Host>> {
        let hosts = self.facts["hosts"].as_array().context("fleet.json names no hosts")?;
        let host = |host: &Value| {
            Ok(Host {
                name: text(&host["name"])?,
                address: text(&host["address"])?,
                over_ssh: host["kind"] == "ssh",
                socket: PathBuf::from(text(&host["socket"])?),
            })
        };
        hosts.iter().map(host).collect()
    }

    /// The docker client against an engine of the fleet.
    pub(crate) fn docker(&self, engine: &str, arguments: &[&str]) -> Result<()> {
        run(script().arg("docker").arg("--dir").arg(&self.directory).arg(engine).args(arguments))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        down();
    }
}

/// Ends the fleet, if there is one.
pub(crate) fn down() {
    if let Err(error) = run(script().args(["down", "--name", NAME])) {
        println!("bench: {error:#}");
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet/fleet"))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
    Ok(())
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("fleet.json: expected text, found {value}"))?.to_owned())
}
