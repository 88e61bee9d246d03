//! A real Podman on this machine, which speaks Docker's API and has no BuildKit.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::SOON;
use super::poll::until;
use super::process::command;

/// It runs until the end of the test, and keeps its images until then.
pub struct Podman {
    child: Child,
    directory: TempDir,
}

impl Podman {
    pub fn start() -> Self {
        let directory = TempDir::new().expect("a directory");
        let place = |name: &str| directory.path().join(name).display().to_string();
        let storage =
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n", place("graph"), place("run"));
        fs::write(directory.path().join("storage.conf"), storage).expect("a file");
        let mut podman = command("podman");
        podman.env("CONTAINERS_STORAGE_CONF", place("storage.conf")).env("TMPDIR", directory.path());
        podman.args(["--cgroup-manager", "cgroupfs", "--tmpdir", &place("tmp"), "system", "service", "--time", "0"]);
        podman.arg(format!("unix://{}", place("podman.sock")));
        let child = podman.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("podman");
        let podman = Self { child, directory };
        until("Podman answers", SOON, || UnixStream::connect(podman.socket()).ok());
        podman
    }

    pub fn socket(&self) -> PathBuf {
        self.path().join("podman.sock")
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // One that is over cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
