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
    /// Requests, or connections, that it is at.
    pub sessions: u64,
    /// Requests that wait for it.
    pub queued: u64,
    /// Used only when no other server is left.
    pub backup: bool,
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
}

impl Server {
    /// Whether it is given requests now.
    pub fn is_in_traffic(&self) -> bool {
        self.admin == Admin::Ready && matches!(self.health, Health::Up | Health::Unchecked)
    }

    /// Whether nothing is left to be finished.
    pub fn is_idle(&self) -> bool {
        self.sessions == 0 && self.queued == 0
    }
}
