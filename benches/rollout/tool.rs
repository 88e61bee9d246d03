//! The program under test, run as an operator or a pipeline runs it.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::fleet::Fleet;

/// shipctl and a project for it.
pub(crate) struct Tool {
    project: tempfile::TempDir,
    ssh_config: std::path::PathBuf,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) began: SystemTime,
    pub(crate) over: SystemTime,
    took: Duration,
    code: Option<i32>,
    output: String,
    complaint: String,
}

impl Tool {
    pub(crate) fn new(fleet: &Fleet) -> Result<Self> {
        let project = tempfile::tempdir()?;
        fs::create_dir(project.path().join("environments"))?;
        fs::write(project.path().join("environments/prod.yml"), manifest(fleet)?)?;
        fs::copy(fleet.registry_password(), project.path().join("registry-password"))?;
        Ok(Self { project, ssh_config: fleet.file("ssh/config") })
    }

    pub(crate) fn deploy(&self, tag: &str) -> Result<Ended> {
        let image = format!("services.web.image=shop/web:{tag}");
        self.run(&["--format", "json", "deploy", "prod", "--yes", "--set", &image])
    }

    pub(crate) fn rollback(&self, release: &str) -> Result<Ended> {
        self.run(&["--format", "json", "rollback", "prod", "--yes", "--to", release])
    }

    pub(crate) fn status(&self) -> Result<Ended> {
        self.run(&["status", "prod"])
    }

    pub(crate) fn version(&self) -> Result<Ended> {
        self.run(&["--version"])
    }

    fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipctl"));
        command.current_dir(self.project.path()).env("SHIPCTL_SSH_CONFIG", &self.ssh_config).args(arguments);
        let (began, clock) = (SystemTime::now(), std::time::Instant::now());
        let output = command.stdin(Stdio::null()).output().context("shipctl does not start")?;
        Ok(Ended {
            began,
            over: SystemTime::now(),
            took: clock.elapsed(),
            code: output.status.code(),
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Ended {
    /// How long it took, if it ended in this way.
    pub(crate) fn expect(self, code: i32) -> Result<Duration> {
        ensure!(
            self.code == Some(code),
            "shipctl ended with {:?}, not {code}:\n{}{}",
            self.code,
            self.output,
            self.complaint
        );
        Ok(self.took)
    }

    /// From a moment to the end of the run.
    pub(crate) fn ended_after(&self, moment: SystemTime) -> Duration {
        self.over.duration_since(moment).unwrap_or_default()
    }

    /// From a moment to the event that reports the failure of a host.
    pub(crate) fn noticed_after(&self, moment: SystemTime) -> Option<Duration> {
        let events = self
            .output
            .lines()
            .chain(self.complaint.lines())
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let failed = events.into_iter().find(|record| record["event"].get("host_failed").is_some())?;
        let at: jiff::Timestamp = failed["at"].as_str()?.parse().ok()?;
        SystemTime::from(at).duration_since(moment).ok()
    }
}

/// What is the operator's to wait for is zero: the floor does not wait either.
fn manifest(fleet: &Fleet) -> Result<String> {
    let mut text = format!(
        "\
project: bench
registry:
  host: {registry}
  ca: {ca}
  username: {user}
  password: {{ secret: registry_password }}
secrets:
  registry_password: {{ file: registry-password }}
services:
  web:
    image: shop/web:base
    ports: [\"8080:80\"]
    health:
      http: {{ port: 80, path: /up }}
      interval: 20ms
      min_healthy_time: 0s
    deploy:
      update_config: {{ parallelism: 1, monitor: 0s }}
hosts:
",
        registry = fleet.registry()?,
        ca = fleet.file("certs/ca.pem").display(),
        user = fleet.registry_user()?,
    );
    for host in fleet.hosts()? {
        if host.over_ssh {
            writeln!(text, "  {}: {{ ssh: deploy@{} }}", host.name, host.name)?;
        } else {
            let [ca, cert, key] = ["ca", "cert", "key"].map(|name| fleet.file(&format!("certs/{name}.pem")));
            writeln!(
                text,
                "  {}: {{ docker: \"tcp://{}:2376\", tls: {{ ca: {}, cert: {}, key: {} }} }}",
                host.name,
                host.address,
                ca.display(),
                cert.display(),
                key.display()
            )?;
        }
    }
    Ok(text)
}
