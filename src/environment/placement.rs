//! `deploy.placement.constraints`: which hosts run a service.

use std::str::FromStr;

use crate::fleet::Host;

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
    /// `host.labels.<label>`; a host without the label compares as empty.
    Label(String),
}

impl Constraint {
    /// Whether the host may run the service.
    pub fn admits(&self, host: &Host) -> bool {
        let actual = match &self.subject {
            Subject::Name => host.name.as_str(),
            Subject::Label(label) => host.labels.get(label).map_or("", String::as_str),
        };
        (actual == self.value) == self.equal
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
        let (left, value) = (left.trim(), right.trim().to_owned());
        let subject = match left.strip_prefix("host.labels.") {
            Some(label) if !label.is_empty() => Subject::Label(label.to_owned()),
            _ if left == "host.name" => Subject::Name,
            _ => return Err(format!("`{left}` is not something of a host: use `host.name` or `host.labels.<label>`")),
        };
        Ok(Self { subject, equal, value })
    }
}
