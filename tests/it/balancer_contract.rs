//! What every balancer does, whatever it is: held against stand-ins here, and against the real programs in the fleet's tests.

use shipctl::balancer::{Admin, BalancerError, LoadBalancer, Server};

/// A balancer whose backend has this server, in traffic and idle.
pub struct Case<'a> {
    pub balancer: &'a dyn LoadBalancer,
    pub backend: &'a str,
    pub server: &'a str,
    /// Another one that stays as it is.
    pub other: &'a str,
}

impl Case<'_> {
    async fn seen(&self, server: &str) -> Server {
        let servers = self.balancer.servers(self.backend).await.expect("servers");
        servers.get(server).cloned().unwrap_or_else(|| panic!("no server {server} in {servers:?}"))
    }

    /// The table of expectations.
    pub async fn holds(&self) {
        let Self { balancer, backend, server, other } = *self;
        balancer.may_change().await.expect("it may be changed");
        let before = self.seen(other).await;
        assert!(self.seen(server).await.is_in_traffic(), "it gets requests at first");
        for again in ["", " again"] {
            balancer.drain(backend, server).await.unwrap_or_else(|error| panic!("drain{again}: {error}"));
            let drained = self.seen(server).await;
            assert_eq!(drained.admin, Admin::Drain, "a drain is read back{again}");
            assert!(!drained.is_in_traffic() && drained.is_idle(), "{drained:?}");
        }
        for again in ["", " again"] {
            balancer.admit(backend, server).await.unwrap_or_else(|error| panic!("admit{again}: {error}"));
            let admitted = self.seen(server).await;
            assert_eq!(admitted.admin, Admin::Ready, "an admit is read back{again}");
        }
        for unknown in ["nobody", "nobody-2"] {
            for answer in [balancer.drain(backend, unknown).await, balancer.admit(backend, unknown).await] {
                assert!(matches!(answer, Err(BalancerError::Refused(_))), "an unknown server is refused: {answer:?}");
            }
        }
        let nowhere = balancer.servers("nowhere").await;
        assert!(!nowhere.is_ok_and(|servers| servers.contains_key(server)), "an unknown backend has no servers");
        assert_eq!(self.seen(other).await.admin, before.admin, "no other server is touched");
    }
}

/// A balancer that cannot be asked is an error, whatever it is asked.
pub async fn assert_silent(balancer: &dyn LoadBalancer, backend: &str, server: &str) {
    let servers = balancer.servers(backend).await;
    assert!(servers.is_err(), "{servers:?}");
    for answer in [balancer.drain(backend, server).await, balancer.admit(backend, server).await] {
        assert!(answer.is_err(), "{answer:?}");
    }
}
