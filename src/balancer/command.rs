//! Any balancer, through the operator's own programs on this machine: one that drains a server, one that admits it, and
//! perhaps one that says how the servers stand.
//!
//! Exit code 0 is the only success. With a `state` program even that is read back; without one nothing is known of a server
//! but what it was told by us in this run.

use std::collections::BTreeMap;
use std::io;
use std::path::{self, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Admin, BalancerError, Health, LoadBalancer, Members, Server, Servers};
use crate::duration;
use crate::environment::Scope;
use crate::environment::balancer::Programs;
use crate::image::printable::printable;
use crate::name::BalancerName;
use crate::transport::process::{self, Ended};

/// Bytes of a program's output that are read.
const LONGEST: u64 = 256 * 1024;

/// A balancer behind programs.
pub struct CommandBalancer {
    programs: Programs,
    root: PathBuf,
    name: BalancerName,
    scope: Scope,
    members: Members,
    /// What servers were told, where nobody can be asked.
    told: Mutex<BTreeMap<(String, String), Admin>>,
}

impl CommandBalancer {
    /// The balancer `name` of the project at `root`, with these servers.
    pub fn new(programs: Programs, root: &Path, name: BalancerName, scope: Scope, members: Members) -> Self {
        let root = path::absolute(root).unwrap_or_else(|_| root.to_owned());
        Self { programs, root, name, scope, members, told: Mutex::default() }
    }

    /// Runs a program to its end; what it printed.
    async fn run(&self, words: &[String], action: &str, backend: &str, server: &str) -> Result<String, BalancerError> {
        let (program, arguments) = words.split_first().ok_or_else(|| refused("there is no program"))?;
        let is_path = program.contains('/');
        let mut command = process::command(if is_path { self.root.join(program) } else { PathBuf::from(program) });
        command.args(arguments).current_dir(&self.root);
        let facts = [
            ("SHIPCTL_PROJECT", self.scope.project.as_str()),
            ("SHIPCTL_ENVIRONMENT", self.scope.environment.as_str()),
            ("SHIPCTL_BALANCER", self.name.as_str()),
            ("SHIPCTL_ACTION", action),
            ("SHIPCTL_BACKEND", backend),
            ("SHIPCTL_SERVER", server),
        ];
        command.envs(facts);
        let ended = process::run(command, self.programs.timeout, LONGEST).await;
        self.outcome(program, ended)
    }

    fn outcome(&self, program: &str, ended: io::Result<Ended>) -> Result<String, BalancerError> {
        let program = printable(program);
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => return Err(BalancerError::Unreachable(format!("{program} cannot be run: {error}"))),
        };
        let said = last_line(&ended.complaints);
        let Some(status) = ended.status else {
            let limit = duration::display(self.programs.timeout);
            return Err(BalancerError::InDoubt(format!("{program} did not end within {limit}, and was ended{said}")));
        };
        match status.code() {
            Some(0) if ended.output.len() as u64 > LONGEST => {
                Err(BalancerError::InDoubt(format!("{program} prints more than {LONGEST} bytes")))
            }
            Some(0) => String::from_utf8(ended.output)
                .map_err(|_| BalancerError::InDoubt(format!("{program} prints something that is not text"))),
            Some(code) => Err(BalancerError::Refused(format!("{program} ended with exit code {code}{said}"))),
            None => Err(BalancerError::InDoubt(format!("{program} was ended by a signal{said}"))),
        }
    }

    async fn set(&self, words: &[String], backend: &str, server: &str, admin: Admin) -> Result<(), BalancerError> {
        if !self.members.get(backend).is_some_and(|servers| servers.contains_key(server)) {
            return Err(refused(&format!("the manifest has no server {backend}/{server}")));
        }
        if self.programs.state.is_some() && !self.servers(backend).await?.contains_key(server) {
            return Err(refused(&format!("there is no server {backend}/{server}")));
        }
        let action = if admin == Admin::Drain { "drain" } else { "admit" };
        self.run(words, action, backend, server).await?;
        if self.programs.state.is_none() {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert((backend.to_owned(), server.to_owned()), admin);
            return Ok(());
        }
        match self.servers(backend).await?.get(server).map(|server| server.admin) {
            Some(now) if now == admin => Ok(()),
            _ => Err(refused(&format!("`state` does not confirm the {action} of {backend}/{server}"))),
        }
    }
}

#[async_trait]
impl LoadBalancer for CommandBalancer {
    async fn may_change(&self) -> Result<(), BalancerError> {
        Ok(())
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        if let Some(state) = &self.programs.state {
            return read(&self.run(state, "state", backend, "").await?);
        }
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.members.get(backend).into_iter().flatten().map(|(server, _)| {
            let admin = told.get(&(backend.to_owned(), server.clone())).copied();
            (server.clone(), seen(admin.unwrap_or(Admin::Unknown), None, Health::Unknown))
        });
        Ok(known.collect())
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(&self.programs.drain, backend, server, Admin::Drain).await
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(&self.programs.admit, backend, server, Admin::Ready).await
    }

    fn patience(&self) -> Duration {
        // `state` is asked before and after, and what does not end in time is given a moment.
        self.programs.timeout * 3
    }

    async fn close(&self) {}
}

/// A line for each server: its name, how it stands, the requests that it is at, and perhaps what the balancer's check says.
fn read(text: &str) -> Result<Servers, BalancerError> {
    let mut servers = Servers::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let doubt = || {
            let form = "`NAME ready|drain|maint REQUESTS [up|down]`";
            BalancerError::InDoubt(format!("`state` prints `{}`, and a line has the form {form}", printable(line)))
        };
        let (&[name, admin, requests], rest) = words.split_first_chunk().ok_or_else(doubt)?;
        let admin = match admin {
            "ready" => Admin::Ready,
            "drain" => Admin::Drain,
            "maint" => Admin::Maintenance,
            _ => return Err(doubt()),
        };
        let health = match rest {
            [] => Health::Unknown,
            ["up"] => Health::Up,
            ["down"] => Health::Down,
            _ => return Err(doubt()),
        };
        let requests = requests.parse().map_err(|_| doubt())?;
        if servers.insert(name.to_owned(), seen(admin, Some(requests), health)).is_some() {
            return Err(BalancerError::InDoubt(format!("`state` prints the server {} twice", printable(name))));
        }
    }
    Ok(servers)
}

/// Where requests go is the balancer's own business.
fn seen(admin: Admin, sessions: Option<u64>, health: Health) -> Server {
    Server { sessions, ..Server::uncounted(String::new(), 0, admin, health) }
}

fn refused(why: &str) -> BalancerError {
    BalancerError::Refused(why.to_owned())
}

fn last_line(complaints: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaints);
    let last = text.lines().rev().map(printable).find(|line| !line.trim().is_empty());
    last.map(|line| format!(": {line}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_a_server_and_nothing_is_guessed() {
        let servers = read("web1 ready 3 up\n\n  web2 drain 0\nweb3 maint 0 down\n").expect("servers");
        assert_eq!((servers["web1"].admin, servers["web1"].sessions), (Admin::Ready, Some(3)));
        assert!(servers["web1"].is_in_traffic() && !servers["web1"].is_idle());
        assert_eq!((servers["web2"].admin, servers["web2"].health), (Admin::Drain, Health::Unknown));
        assert_eq!((servers["web3"].admin, servers["web3"].health), (Admin::Maintenance, Health::Down));
        for bad in ["web1", "web1 ready", "web1 ready -1", "web1 ready 1 up x", "web1 off 0", "a ready 0\na ready 0"] {
            assert!(matches!(read(bad), Err(BalancerError::InDoubt(_))), "{bad}");
        }
    }
}
