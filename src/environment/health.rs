//! How a service proves that it is healthy. These types are also stamped on containers, so that a
//! release that comes back is gated by its own definition, not by the newest one.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::{Expect, Smoke};

/// The health gate of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// What is asked.
    pub check: Check,
    /// From one probe to the next.
    #[serde(with = "crate::duration::text")]
    pub interval: Duration,
    /// For one probe.
    #[serde(with = "crate::duration::text")]
    pub timeout: Duration,
    /// The container must be healthy for this long without a break before it counts as healthy.
    #[serde(with = "crate::duration::text")]
    pub min_healthy_time: Duration,
    /// From start to the end of `min_healthy_time`, at most.
    #[serde(with = "crate::duration::text")]
    pub healthy_deadline: Duration,
    /// How many answers in a row must be a yes before it counts as healthy; at least 1.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub successes: u32,
    /// What an HTTP answer must be to be a yes.
    #[serde(default, skip_serializing_if = "Expect::is_plain")]
    pub expect: Expect,
    /// What is asked once, in order, when it is healthy and before it counts as such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub smoke: Vec<Smoke>,
}

// As serde calls them.
fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_once(successes: &u32) -> bool {
    *successes == 1
}

impl Health {
    /// Whether a version that knows only checks and times understands all of it.
    pub fn is_plain(&self) -> bool {
        self.successes == 1 && self.expect.is_plain() && self.smoke.is_empty()
    }

    /// The gate of something that has no requests to answer: it runs.
    #[must_use]
    pub fn running(self) -> Self {
        Self { check: Check::Running, successes: 1, expect: Expect::default(), smoke: Vec::new(), ..self }
    }
}

/// One question to one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// GET is answered as [`Health::expect`] says.
    Http {
        /// Port inside the container.
        port: u16,
        /// Begins with `/`.
        path: String,
    },
    /// The port accepts a connection and keeps it open.
    Tcp {
        /// Port inside the container.
        port: u16,
    },
    /// A command inside the container exits 0.
    Exec {
        /// Program and arguments; no shell.
        command: Vec<String>,
    },
    /// The HEALTHCHECK of the image or the service, run by the engine.
    Container,
    /// Explicitly none (`health: none`): a container that keeps running is taken for healthy.
    Running,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { port, path } => write!(f, "http :{port}{path}"),
            Self::Tcp { port } => write!(f, "tcp :{port}"),
            Self::Exec { command } => write!(f, "exec {}", command.join(" ")),
            Self::Container => f.write_str("image healthcheck"),
            Self::Running => f.write_str("none (running)"),
        }
    }
}
