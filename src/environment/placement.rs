//! `deploy.mode` and `deploy.placement`: which hosts run a service, and how often.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::fleet::Host;
use crate::name::HostName;

/// `deploy.mode: replicated`: so many containers, spread over the hosts that may run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// How many altogether.
    pub count: usize,
    /// On one host at most; `None` is no limit.
    pub per_host: Option<usize>,
    /// Labels over whose values they are spread evenly, the most important first.
    pub spread: Vec<Subject>,
}

impl Replicas {
    /// How many each of the hosts runs, or how many would fit. It depends on nothing but the arguments, so the next plan puts
    /// them where the last one did. Each goes to the host whose group has the fewest (by the first preference, then by the
    /// next, then by the host itself); among equals the first by name.
    pub fn distribute(&self, hosts: &[&Host]) -> Result<BTreeMap<HostName, usize>, usize> {
        let mut counts: Vec<usize> = vec![0; hosts.len()];
        let most = self.per_host.unwrap_or(usize::MAX);
        for placed in 0..self.count {
            let load = |at: usize| -> Vec<usize> {
                let alike = |subject: &Subject| {
                    let group = subject.of(hosts[at]);
                    let members = hosts.iter().zip(&counts).filter(|(other, _)| subject.of(other) == group);
                    members.map(|(_, count)| count).sum()
                };
                self.spread.iter().map(alike).chain([counts[at]]).collect()
            };
            let free = (0..hosts.len()).filter(|at| counts[*at] < most);
            let next = free.min_by_key(|at| (load(*at), hosts[*at].name.clone())).ok_or(placed)?;
            counts[next] += 1;
        }
        Ok(hosts.iter().zip(counts).map(|(host, count)| (host.name.clone(), count)).collect())
    }
}

/// One constraint, such as `host.labels.tier == web` or `host.name != web3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What of the host is compared.
    pub subject: Subject,
    /// `==` if true, `!=` if false.
    pub equal: bool,
    /// With what.
    pub value: String,
}

/// The left side of a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `host.name`
    Name,
    /// `host.role`; a host without a role compares as empty.
    Role,
    /// `host.labels.<label>`; a host without the label compares as empty.
    Label(String),
}

impl Subject {
    /// What it is of a host.
    fn of<'h>(&self, host: &'h Host) -> &'h str {
        match self {
            Self::Name => host.name.as_str(),
            Self::Role => host.role.as_deref().unwrap_or_default(),
            Self::Label(label) => host.labels.get(label).map_or("", String::as_str),
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    /// Reads `host.labels.<label>`, `host.role` or `host.name`; the error says what is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("host.labels.")) {
            ("host.name", _) => Ok(Self::Name),
            ("host.role", _) => Ok(Self::Role),
            (_, Some(label)) if !label.is_empty() => Ok(Self::Label(label.to_owned())),
            _ => Err(format!(
                "`{text}` is not something of a host: use `host.name`, `host.role` or `host.labels.<label>`"
            )),
        }
    }
}

impl Constraint {
    /// Whether the host may run the service.
    pub fn admits(&self, host: &Host) -> bool {
        (self.subject.of(host) == self.value) == self.equal
    }
}

impl FromStr for Constraint {
    type Err = String;

    /// Reads `host.labels.<label> == <value>`, `host.name != <value>` and so on; the error says what is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let (left, equal, right) = match (text.split_once("=="), text.split_once("!=")) {
            (Some((left, right)), None) => (left, true, right),
            (None, Some((left, right))) => (left, false, right),
            _ => return Err(format!("expected `host.labels.<label> == <value>` or `!=`, found `{text}`")),
        };
        let (subject, value) = (left.trim().parse()?, right.trim().to_owned());
        Ok(Self { subject, equal, value })
    }
}
