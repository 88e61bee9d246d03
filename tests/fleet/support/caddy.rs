//! A real Caddy, with its admin API at a socket of this machine or at a port of a balancer's.

use std::fs;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::poll::until;
use super::process::{attempt, attempt_on, command, finish};
use super::{Fleet, SOON, free_port};

/// Ports of a balancer's machine that nobody else listens at: of the site, and of the admin API.
const PORTS: (u16, u16) = (8380, 8381);

/// It runs until the end of the test.
pub struct Caddy {
    child: Child,
    directory: TempDir,
    /// The network that it is in, if that is not this machine's.
    network: Option<PathBuf>,
    pub url: String,
}

impl Caddy {
    /// One server `srv0` that sends requests to these upstreams; the first one that is available gets them all where it is
    /// asked to.
    pub fn start(upstreams: &[String], policy: &str) -> Self {
        Self::start_at(None, upstreams, policy)
    }

    /// The same on the machine of a balancer, with its admin API at a port there.
    pub fn start_beside(fleet: &Fleet, balancer: &str, upstreams: &[String], policy: &str) -> Self {
        let network = fleet.network(balancer);
        // Caddy changes its configuration by listening anew beside itself: what waits to be accepted goes with the old
        // listener, unless Linux is told to hand it over.
        finish(inside(Some(&network), "sysctl").args(["-qw", "net.ipv4.tcp_migrate_req=1"]));
        Self::start_at(Some((network, &fleet.balancer(balancer).address)), upstreams, policy)
    }

    fn start_at(place: Option<(PathBuf, &str)>, upstreams: &[String], policy: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let (address, port) = place.as_ref().map_or_else(|| ("127.0.0.1", free_port()), |(_, at)| (*at, PORTS.0));
        let url = format!("http://{address}:{port}/");
        let network = place.map(|(network, _)| network);
        let admin = match &network {
            Some(_) => format!("localhost:{}", PORTS.1),
            None => format!("unix/{}", directory.path().join("admin.sock").display()),
        };
        let caddyfile = format!(
            "{{\n admin {admin}\n auto_https off\n}}\n:{port} {{\n reverse_proxy {} {{\n  lb_policy {policy}\n \
             }}\n}}\n",
            upstreams.join(" ")
        );
        let config = directory.path().join("Caddyfile");
        fs::write(&config, caddyfile).expect("a file");
        let mut caddy = inside(network.as_ref(), "caddy");
        caddy.arg("run").arg("--config").arg(&config).args(["--adapter", "caddyfile"]);
        caddy.env("HOME", directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = caddy.spawn().expect("caddy starts");
        let caddy = Self { child, directory, network, url };
        until("Caddy answers", SOON, || caddy.ask("/config/").ok().map(drop));
        caddy
    }

    /// The socket of its admin API.
    pub fn admin(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// Where a manifest says that its admin API is: on that machine.
    pub fn admin_place() -> String {
        format!("localhost:{}", PORTS.1)
    }

    fn ask(&self, path: &str) -> Result<String, String> {
        let (to, host) = match &self.network {
            Some(_) => (format!("TCP:{}", Self::admin_place()), Self::admin_place()),
            None => (format!("UNIX-CONNECT:{}", self.admin().display()), String::new()),
        };
        let mut input = tempfile::tempfile().expect("a file");
        write!(input, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("a file to write");
        input.rewind().expect("a file to read");
        attempt_on(inside(self.network.as_ref(), "socat").args(["-t", "15", "-", &to]), input.into())
    }

    /// What serves HTTP, as it is configured now.
    pub fn app(&self) -> Value {
        let answer = self.ask("/config/apps/http").unwrap_or_else(|complaint| panic!("{complaint}"));
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
        if self.network.is_some() {
            // The network goes with the fleet, if not before.
            let _ = attempt(inside(self.network.as_ref(), "sysctl").args(["-qw", "net.ipv4.tcp_migrate_req=0"]));
        }
    }
}

/// A program in this network, not yet started.
fn inside(network: Option<&PathBuf>, program: &str) -> Command {
    let Some(network) = network else { return command(program) };
    let mut entered = command("nsenter");
    entered.arg(format!("--net={}", network.display())).arg(program);
    entered
}
