//! What an answer over HTTP must be to count, and requests whose answers count once.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an answer must be. Where nothing is said: a status from 200 to 299.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// One of these statuses; empty is 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Headers by name, each with exactly this value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub header: BTreeMap<String, String>,
    /// Text that is somewhere in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// One request to a container, and the answer that it must get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smoke {
    /// Port inside the container.
    pub port: u16,
    /// What is done.
    pub method: Method,
    /// Begins with `/`.
    pub path: String,
    /// What the answer must be.
    #[serde(default, skip_serializing_if = "Expect::is_plain")]
    pub expect: Expect,
    /// How long it may take.
    #[serde(with = "crate::duration::text")]
    pub timeout: Duration,
}

/// How something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
    /// `POST`, without a body
    Post,
    /// `PUT`, without a body
    Put,
    /// `PATCH`, without a body
    Patch,
    /// `DELETE`
    Delete,
}

impl Expect {
    /// Whether it says nothing of its own.
    pub fn is_plain(&self) -> bool {
        self.status.is_empty() && self.header.is_empty() && self.contains.is_none()
    }

    /// Whether an answer with this status is as it should be.
    pub fn takes(&self, status: u16) -> bool {
        if self.status.is_empty() { (200..300).contains(&status) } else { self.status.contains(&status) }
    }
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Options, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Smoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} :{}{}", self.method.as_str(), self.port, self.path)
    }
}
