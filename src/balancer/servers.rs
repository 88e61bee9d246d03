//! A server as a balancer sees it.

use serde::{Deserialize, Serialize};

/// A server of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Where the balancer sends its requests.
    pub address: String,
    /// And to which port; 0 is that of the frontend.
    pub port: u16,
    /// What somebody has asked for.
    pub admin: Admin,
    /// What the balancer's own check says.
    pub health: Health,
    /// Requests, or connections, that it is at; `None` where the balancer does not count them.
    pub sessions: Option<u64>,
    /// Requests that wait for it.
    pub queued: u64,
    /// Connections to it that the balancer keeps for a next request, without one.
    pub kept: u64,
    /// Used only when no other server is left.
    pub backup: bool,
    /// Clients that it knows by a cookie are sent to it also while it is drained.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sticky: bool,
}

/// What somebody has asked a balancer to do with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admin {
    /// Traffic, if it is healthy.
    Ready,
    /// Nothing new: what a rollout does for the time of a replacement.
    Drain,
    /// No traffic, and no checks: what people do by hand. A rollout never ends it.
    Maintenance,
    /// Nobody can say: the balancer can be told, and cannot be asked.
    Unknown,
}

/// What a balancer's own check says of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers.
    Up,
    /// It does not answer, or not for long enough.
    Down,
    /// It asked to be left alone.
    Stopping,
    /// Nobody checks it: it gets requests whether it answers or not.
    Unchecked,
    /// The balancer does not tell what it finds, if it checks at all.
    Unknown,
}

impl Server {
    /// A server of a balancer that counts nothing.
    pub fn uncounted(address: String, port: u16, admin: Admin, health: Health) -> Self {
        Self { address, port, admin, health, sessions: None, queued: 0, kept: 0, backup: false, sticky: false }
    }

    /// Whether it is given requests now, as far as that can be known.
    pub fn is_in_traffic(&self) -> bool {
        matches!(self.admin, Admin::Ready | Admin::Unknown) && self.may_be_healthy()
    }

    /// Whether the balancer's own check has nothing against it, as far as that can be known.
    pub fn may_be_healthy(&self) -> bool {
        matches!(self.health, Health::Up | Health::Unchecked | Health::Unknown)
    }

    /// Whether nothing is left to be finished.
    pub fn is_idle(&self) -> bool {
        self.open() == 0
    }

    /// What is left to be finished, as far as the balancer counts it.
    pub fn open(&self) -> u64 {
        self.sessions.unwrap_or(0).saturating_add(self.queued)
    }
}
