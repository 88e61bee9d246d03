//! A real Caddy on this machine, with its admin API at a socket or a port.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::poll::until;
use super::process::command;
use super::{SOON, free_port};

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// It runs until the end of the test.
pub struct Caddy {
    child: Child,
    directory: TempDir,
    admin_port: Option<u16>,
    pub url: String,
}

impl Caddy {
    /// One server `srv0` that sends requests to these upstreams; the first one that is available gets them all where it is
    /// asked to.
    pub fn start(upstreams: &[String], policy: &str) -> Self {
        Self::start_at(None, upstreams, policy)
    }

    /// The same, with its admin API at a port.
    pub fn start_at_port(upstreams: &[String], policy: &str) -> Self {
        Self::start_at(Some(free_port()), upstreams, policy)
    }

    fn start_at(admin_port: Option<u16>, upstreams: &[String], policy: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let port = free_port();
        let admin = match admin_port {
            Some(port) => format!("localhost:{port}"),
            None => format!("unix/{}", directory.path().join("admin.sock").display()),
        };
        let caddyfile = format!(
            "{{\n admin {admin}\n auto_https off\n}}\n:{port} {{\n reverse_proxy {} {{\n  lb_policy {policy}\n \
             }}\n}}\n",
            upstreams.join(" ")
        );
        let config = directory.path().join("Caddyfile");
        fs::write(&config, caddyfile).expect("a file");
        let mut caddy = command("caddy");
        caddy.arg("run").arg("--config").arg(&config).args(["--adapter", "caddyfile"]);
        caddy.env("HOME", directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = caddy.spawn().expect("caddy starts");
        let caddy = Self { child, directory, admin_port, url: format!("http://127.0.0.1:{port}/") };
        until("Caddy answers", SOON, || caddy.connect().ok().map(drop));
        caddy
    }

    /// The socket of its admin API.
    pub fn admin(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// Where the manifest says that it is.
    pub fn admin_place(&self) -> String {
        match self.admin_port {
            Some(port) => format!("localhost:{port}"),
            None => self.admin().display().to_string(),
        }
    }

    fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self.admin_port {
            Some(port) => Box::new(TcpStream::connect(("localhost", port))?),
            None => Box::new(UnixStream::connect(self.admin())?),
        })
    }

    /// What serves HTTP, as it is configured now.
    pub fn app(&self) -> Value {
        let mut stream = self.connect().expect("Caddy listens");
        let host = self.admin_port.map(|_| self.admin_place()).unwrap_or_default();
        let request = format!("GET /config/apps/http HTTP/1.0\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("Caddy reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("Caddy answers");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    /// Ends it.
    pub fn end(&mut self) {
        // One that is over cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Caddy {
    fn drop(&mut self) {
        self.end();
    }
}
