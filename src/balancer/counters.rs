//! The door to what a balancer counts of its servers' requests.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::BalancerError;
use crate::environment::error_rate::Tally;

/// One balancer that counts.
#[async_trait]
pub trait Counting: Send + Sync {
    /// What it has counted of a backend's servers.
    async fn counters(&self, backend: &str) -> Result<Counters, BalancerError>;

    /// Ends the connection.
    async fn close(&self);
}

/// What was counted of the servers of a backend since the balancer's process began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// The process that counts.
    pub process: u64,
    /// For how long it has done so, in seconds.
    pub uptime: u64,
    /// By the server's name.
    pub servers: BTreeMap<String, Tally>,
}

impl Counters {
    /// What was counted of a server since an earlier look. A process that has begun since then has counted nothing
    /// before; `None` if it does not know the server.
    pub fn since(&self, earlier: &Self, server: &str) -> Option<Tally> {
        let now = *self.servers.get(server)?;
        let is_another = self.process != earlier.process || self.uptime < earlier.uptime;
        let before = earlier.servers.get(server).copied().filter(|_| !is_another).unwrap_or_default();
        // Counters can be cleared by hand too.
        Some(now.since(before).unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(process: u64, uptime: u64, requests: u64, failed: u64) -> Counters {
        let servers = BTreeMap::from([("h1".to_owned(), Tally { requests, failed })]);
        Counters { process, uptime, servers }
    }

    #[test]
    fn only_what_came_since_counts_and_a_new_process_begins_at_nothing() {
        let before = counters(7, 100, 1000, 50);
        let since = |now: Counters| now.since(&before, "h1").map(|tally| (tally.requests, tally.failed));
        assert_eq!(since(counters(7, 110, 1200, 51)), Some((200, 1)));
        assert_eq!(since(counters(8, 200, 1200, 51)), Some((1200, 51)), "another process");
        assert_eq!(since(counters(7, 5, 1200, 51)), Some((1200, 51)), "restarted under the same number");
        assert_eq!(since(counters(7, 110, 20, 1)), Some((20, 1)), "cleared");
        assert_eq!(counters(7, 110, 1, 1).since(&before, "h2"), None);
    }
}
