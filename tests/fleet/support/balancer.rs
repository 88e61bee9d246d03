//! A balancer, spoken to as an operator would by hand: the runtime commands, over SSH.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::SOON;
use super::poll::until;
use super::process::{command, finish};

/// Where all hosts' applications are servers.
const BACKEND: &str = "app";

/// One that helps nobody: no retries, no redispatch.
pub struct Balancer {
    name: String,
    pub address: String,
    pub url: String,
    socket: String,
    ssh_config: PathBuf,
}

/// A server as the balancer sees it.
#[derive(Debug)]
pub struct Server(HashMap<String, String>);

impl Balancer {
    /// From the fleet's description of itself.
    pub fn read(facts: &Value, ssh_config: PathBuf) -> Self {
        let text = |key: &str| facts[key].as_str().unwrap_or_else(|| panic!("a balancer has a {key}")).to_owned();
        Self { name: text("name"), address: text("address"), url: text("url"), socket: text("socket"), ssh_config }
    }

    /// One runtime command; what it answers.
    #[track_caller]
    pub fn say(&self, words: &str) -> String {
        let asked = format!("echo '{words}' | socat -t 5 - {}", self.socket);
        finish(command("ssh").arg("-F").arg(&self.ssh_config).arg(&self.name).arg(asked))
    }

    /// `drain`, `ready` or `maint`; what it answers is a complaint.
    #[track_caller]
    pub fn set(&self, host: &str, state: &str) {
        assert_eq!(self.say(&format!("set server {BACKEND}/{host} state {state}")).trim(), "");
    }

    /// Its own view of a host.
    #[track_caller]
    pub fn server(&self, host: &str) -> Server {
        let table = self.say("show stat");
        let mut lines = table.lines().map(|line| line.trim_start_matches("# ").split(','));
        let names: Vec<_> = lines.next().expect("a header").collect();
        let servers = lines.map(|line| names.iter().zip(line).map(|(name, value)| ((*name).into(), value.into())));
        let mut servers = servers.map(|server| Server(server.collect()));
        let found = servers.find(|server| server.is("pxname", BACKEND) && server.is("svname", host));
        found.unwrap_or_else(|| panic!("{} has no server {host}:\n{table}", self.name))
    }

    /// Requests that take so long to be answered, and are not over as long as what is returned is kept.
    #[track_caller]
    pub fn slow_requests(&self, count: usize, time: Duration) -> Vec<TcpStream> {
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        let request = format!("GET /slow?ms={} HTTP/1.1\r\nHost: {address}\r\n\r\n", time.as_millis());
        let open = |_| {
            let mut stream = TcpStream::connect((address, 80)).expect("the balancer listens");
            stream.write_all(request.as_bytes()).expect("the balancer reads");
            stream
        };
        (0..count).map(open).collect()
    }

    /// Waits until something is true of a server.
    #[track_caller]
    pub fn wait(&self, what: &str, host: &str, is_it: impl Fn(&Server) -> bool) {
        until(&format!("{host} {what}"), SOON, || is_it(&self.server(host)).then_some(()));
    }

    /// Waits until hosts get requests.
    #[track_caller]
    pub fn wait_until_all_are_up(&self, hosts: &[super::Host]) {
        for host in hosts {
            self.wait("is up", &host.name, Server::is_up);
        }
    }
}

impl Server {
    pub fn is(&self, column: &str, value: &str) -> bool {
        self.0.get(column).is_some_and(|found| found == value)
    }

    pub fn is_up(&self) -> bool {
        self.is("status", "UP")
    }

    /// By its check, whether or not it gets requests.
    pub fn is_healthy(&self) -> bool {
        self.is("check_status", "L7OK")
    }

    /// Nothing is under way to it.
    pub fn is_idle(&self) -> bool {
        self.is("scur", "0") && self.is("qcur", "0")
    }
}
