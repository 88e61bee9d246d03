//! What a fleet consists of.

/// Machines, and where they may be.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The first that nobody else has.
    pub plots: &'static [Plot],
    pub hosts: u8,
    /// The host that is a bare Docker endpoint; `none` if all are reached by SSH.
    pub tcp: &'static str,
    pub balancers: u8,
    /// Hosts whose engine is not this machine's, as `h2=newest`.
    pub engines: &'static [&'static str],
}

/// A part of this machine that one fleet may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Plot {
    /// Begins the names of everything on this machine that belongs to it.
    pub name: &'static str,
    pub subnet: &'static str,
    /// Locked by who has it.
    pub lock: &'static str,
}

const fn plot(name: &'static str, subnet: &'static str, lock: &'static str) -> Plot {
    Plot { name, subnet, lock }
}

impl Shape {
    /// What all tests share: h1 and h2 by SSH, h3 as a bare Docker endpoint with TLS, two balancers. Two halves of the tests
    /// may run at a time; they mostly wait.
    pub const TESTS: Self = Self {
        plots: &[
            plot("t1", "10.77.0", "/tmp/shipctl-tests-t1.lock"),
            plot("t2", "10.76.0", "/tmp/shipctl-tests-t2.lock"),
        ],
        hosts: 3,
        tcp: "h3",
        balancers: 2,
        engines: &[],
    };
    /// The oldest engine and the newest, that one with both kinds of store; the last is a bare Docker endpoint with TLS.
    pub const ENGINES: Self = Self {
        plots: &[plot("t3", "10.75.0", "/tmp/shipctl-tests-t3.lock")],
        hosts: 3,
        tcp: "h3",
        balancers: 0,
        engines: &["h2=newest", "h3=newest-containerd"],
    };
    /// For hosts that are themselves changed, the last of which has no engine yet. No reset would bring back what they were.
    pub const HOSTS: Self = Self { hosts: 3, tcp: "none", balancers: 0, engines: &["h3=none"], ..Self::TESTS };
    /// For the long run.
    pub const LOAD: Self = Self {
        plots: &[plot("load", "10.80.0", "/tmp/shipctl-tests-load.lock")],
        hosts: 4,
        tcp: "none",
        balancers: 2,
        engines: &[],
    };
}
