//! kamal-proxy: one on each host, in a container, spoken to by running its own program in there.
//!
//! A service of it has one target per host. It is drained by pausing it: what is under way ends, and new requests wait in the
//! proxy for as long as a host is in hand. It is admitted by the end of that; where something else is the target, such as
//! a container of Kamal's, ours is deployed first, which the proxy does behind a check of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::errors::Error as DockerError;
use futures_util::future::join_all;
use tokio::time::timeout;

pub use super::exec::Done;
use super::exec::execute;
use super::{Admin, BalancerError, Health, LoadBalancer, Member, Members, Server, Servers};
use crate::environment::balancer::KamalService;
use crate::image::printable::printable;
use crate::name::HostName;

/// The proxy's program.
const PROGRAM: &str = "kamal-proxy";
/// Longest answer that is read.
const LONGEST: u64 = 1024 * 1024;
/// Longest wait for an answer, beyond what it was asked to wait for itself.
const ANSWER: Duration = Duration::from_secs(15);
/// How long the proxy may take to find a target healthy.
const DEPLOY: Duration = Duration::from_secs(30);

/// Runs the proxy's program where the proxy is.
#[async_trait]
pub trait Proxy: Send + Sync {
    /// Runs it with these arguments to its end.
    async fn run(&self, arguments: &[String]) -> Result<Done, BalancerError>;
}

/// A proxy in a container.
pub struct InContainer {
    docker: Docker,
    container: String,
}

impl InContainer {
    /// The proxy in the container of this name.
    pub fn new(docker: Docker, container: String) -> Self {
        Self { docker, container }
    }
}

#[async_trait]
impl Proxy for InContainer {
    async fn run(&self, arguments: &[String]) -> Result<Done, BalancerError> {
        let words = std::iter::once(PROGRAM.to_owned()).chain(arguments.iter().cloned()).collect();
        let done = execute(&self.docker, &self.container, words, Vec::new(), LONGEST).await;
        done.map_err(|error| match error {
            // Not there, or it does not run.
            DockerError::DockerResponseServerError { status_code: 404 | 409, message } => {
                BalancerError::Unreachable(format!("container {}: {}", self.container, printable(&message)))
            }
            other => BalancerError::InDoubt(printable(&other.to_string())),
        })
    }
}

/// The proxies of all hosts.
pub struct KamalProxy {
    proxies: BTreeMap<HostName, Box<dyn Proxy>>,
    service: KamalService,
    members: Members,
    /// How long requests may take to end.
    drain: Duration,
    /// What a proxy had as its target before it was given ours, by host and backend: what it goes back to.
    before: Mutex<BTreeMap<(HostName, String), String>>,
}

impl KamalProxy {
    /// The proxies of these hosts.
    pub fn new(
        proxies: BTreeMap<HostName, Box<dyn Proxy>>,
        service: KamalService,
        members: Members,
        drain: Duration,
    ) -> Self {
        Self { proxies, service, members, drain, before: Mutex::default() }
    }

    fn member(&self, backend: &str, server: &str) -> Result<&Member, BalancerError> {
        let member = self.members.get(backend).and_then(|members| members.get(server));
        member.ok_or_else(|| BalancerError::Refused(format!("the manifest has no server {backend}/{server}")))
    }

    async fn run(&self, host: &HostName, arguments: &[&str], wait: Duration) -> Result<String, BalancerError> {
        let proxy = self.proxies.get(host);
        let proxy = proxy.ok_or_else(|| BalancerError::Unreachable(format!("no connection to {host}")))?;
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let Ok(done) = timeout(wait + ANSWER, proxy.run(&arguments)).await else {
            let limit = (wait + ANSWER).as_secs();
            return Err(BalancerError::InDoubt(format!("kamal-proxy on {host} gave no answer in {limit} s")));
        };
        let done = done?;
        if done.code == Some(0) {
            return String::from_utf8(done.output)
                .map_err(|_| BalancerError::InDoubt("kamal-proxy's answer is not text".to_owned()));
        }
        let said = done.complaints.lines().rev().map(printable).find(|line| !line.is_empty());
        let said = said.unwrap_or_else(|| "no reason given".to_owned());
        let message = format!("kamal-proxy on {host}, asked to {}: {said}", arguments[0]);
        Err(if done.code.is_some() { BalancerError::Refused(message) } else { BalancerError::InDoubt(message) })
    }

    /// The server that a host is. Where the proxy has something else as its target, the host gets no requests of ours.
    async fn seen(&self, host: &HostName, backend: &str) -> Result<Server, BalancerError> {
        let listed = self.run(host, &["list"], Duration::ZERO).await?;
        let row = table(&listed)?.into_iter().find(|row| row.get("Service").is_some_and(|name| name == backend));
        let (target, state) = match &row {
            Some(row) => (cell(row, "Target")?, Some(cell(row, "State")?)),
            None => ("", None),
        };
        let admin = match state {
            Some("stopped") => Admin::Maintenance,
            Some("running") if target == self.service.target => Admin::Ready,
            None | Some("running" | "paused") => Admin::Drain,
            Some(other) => {
                let message = format!("kamal-proxy on {host} calls {backend} `{}`", printable(other));
                return Err(BalancerError::InDoubt(message));
            }
        };
        // A name on the proxy's own network, which is nobody's address here.
        let (address, health) = (target.to_owned(), Health::Unknown);
        Ok(Server::uncounted(address, 0, admin, health))
    }

    /// Gives the proxy of a host this target.
    async fn deploy(&self, host: &HostName, backend: &str, target: &str) -> Result<(), BalancerError> {
        let (wait, drain) = (seconds(DEPLOY), seconds(self.drain));
        let fixed = ["deploy", backend, "--target", target];
        let times = ["--deploy-timeout", &wait, "--drain-timeout", &drain];
        let own = self.service.deploy.iter().map(String::as_str);
        let words: Vec<_> = fixed.into_iter().chain(times).chain(own).collect();
        self.run(host, &words, DEPLOY + self.drain).await.map(drop)
    }

    fn before(&self) -> MutexGuard<'_, BTreeMap<(HostName, String), String>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn confirm(&self, host: &HostName, backend: &str, admin: Admin) -> Result<(), BalancerError> {
        if self.seen(host, backend).await?.admin == admin {
            return Ok(());
        }
        Err(BalancerError::Refused(format!("kamal-proxy on {host} does not confirm the change of {backend}")))
    }
}

#[async_trait]
impl LoadBalancer for KamalProxy {
    async fn may_change(&self) -> Result<(), BalancerError> {
        Ok(())
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        let members = self.members.get(backend).into_iter().flatten();
        let asked = members.filter(|(_, member)| self.proxies.contains_key(&member.host));
        let asked: Vec<_> = asked
            .map(|(name, member)| async move { Ok((name.clone(), self.seen(&member.host, backend).await?)) })
            .collect();
        join_all(asked).await.into_iter().collect()
    }

    async fn server(&self, backend: &str, server: &str) -> Result<Option<Server>, BalancerError> {
        match self.member(backend, server) {
            Ok(member) => self.seen(&member.host, backend).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        let host = &self.member(backend, server)?.host;
        match self.seen(host, backend).await?.admin {
            Admin::Drain => return Ok(()),
            Admin::Maintenance => {
                return Err(BalancerError::Refused(format!("somebody has stopped {backend} on {host} meanwhile")));
            }
            Admin::Ready | Admin::Unknown => {}
        }
        // Ours goes away again: what served before it does so once more, before ours is stopped.
        let before = self.before().get(&(host.clone(), backend.to_owned())).cloned();
        if let Some(before) = before {
            self.deploy(host, backend, &before).await?;
            return self.confirm(host, backend, Admin::Drain).await;
        }
        let (drain, pause) = (seconds(self.drain), seconds(self.service.max_pause));
        self.run(host, &["pause", backend, "--drain-timeout", &drain, "--max-pause", &pause], self.drain).await?;
        self.confirm(host, backend, Admin::Drain).await
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        let host = &self.member(backend, server)?.host;
        let seen = self.seen(host, backend).await?;
        match seen.admin {
            Admin::Ready => return Ok(()),
            Admin::Maintenance => {
                return Err(BalancerError::Refused(format!("somebody has stopped {backend} on {host} meanwhile")));
            }
            Admin::Drain | Admin::Unknown => {}
        }
        if seen.address != self.service.target {
            if !seen.address.is_empty() {
                self.before().insert((host.clone(), backend.to_owned()), seen.address.clone());
            }
            self.deploy(host, backend, &self.service.target).await?;
        }
        if self.seen(host, backend).await?.admin != Admin::Ready {
            self.run(host, &["resume", backend], Duration::ZERO).await?;
        }
        self.confirm(host, backend, Admin::Ready).await
    }

    fn patience(&self) -> Duration {
        DEPLOY + self.drain + ANSWER * 4
    }

    async fn close(&self) {}
}

/// As the proxy's program reads a time.
fn seconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// The rows of its list by the names of the columns, which stand one below the other.
fn table(text: &str) -> Result<Vec<BTreeMap<String, String>>, BalancerError> {
    let plain = plain(text);
    let mut lines = plain.lines().filter(|line| !line.trim().is_empty());
    let header = lines.next().unwrap_or_default();
    let mut columns: Vec<(usize, &str)> = Vec::new();
    for name in header.split_whitespace() {
        let from = columns.last().map_or(0, |(at, name)| at + name.len());
        columns.push((from + header[from..].find(name).unwrap_or(0), name));
    }
    if !columns.iter().any(|(_, name)| *name == "Service") {
        return Err(BalancerError::InDoubt(format!("kamal-proxy's list begins with `{}`", printable(header))));
    }
    let rows = lines.map(|line| {
        let cells = columns.iter().enumerate().map(|(index, (from, name))| {
            let to = columns.get(index + 1).map_or(line.len(), |(next, _)| *next).min(line.len());
            let cell = line.get((*from).min(to)..to).unwrap_or_default().trim();
            ((*name).to_owned(), cell.to_owned())
        });
        cells.collect()
    });
    Ok(rows.collect())
}

fn cell<'r>(row: &'r BTreeMap<String, String>, name: &str) -> Result<&'r str, BalancerError> {
    let found = row.get(name).map(String::as_str);
    found.ok_or_else(|| BalancerError::InDoubt(format!("kamal-proxy's list has no column `{name}`")))
}

/// Without the sequences that colour it.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_by_its_columns_whatever_is_empty_in_it() {
        let list = "\u{1b}[3;94mService\u{1b}[0m     \u{1b}[3;94mHost\u{1b}[0m  \u{1b}[3;94mPath\u{1b}[0m  \u{1b}[3;94mTarget\u{1b}[0m  \
                    \u{1b}[3;94mState\u{1b}[0m    \u{1b}[3;94mTLS\u{1b}[0m  \n\
                    \u{1b}[1;34mshop-web\u{1b}[0m    \u{1b}[m*\u{1b}[0m     \u{1b}[m\u{1b}[0m      \u{1b}[mweb:80\u{1b}[0m  \
                    \u{1b}[mrunning\u{1b}[0m  \u{1b}[mno\u{1b}[0m   \n";
        let rows = table(list).expect("rows");
        let row = &rows[0];
        assert_eq!((row["Service"].as_str(), row["Path"].as_str()), ("shop-web", ""));
        assert_eq!((row["Target"].as_str(), row["State"].as_str(), row["TLS"].as_str()), ("web:80", "running", "no"));
        assert!(table("what is this\n").is_err() && table("").is_err());
    }
}
