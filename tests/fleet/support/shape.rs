//! What a fleet consists of.

/// Machines, and where they are.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// Begins the names of everything on this machine that belongs to it.
    pub name: &'static str,
    pub subnet: &'static str,
    pub hosts: u8,
    /// The host that is a bare Docker endpoint; `none` if all are reached by SSH.
    pub tcp: &'static str,
    pub balancers: u8,
}

impl Shape {
    /// What all tests share: h1 and h2 by SSH, h3 as a bare Docker endpoint with TLS, two balancers.
    pub const TESTS: Self = Self { name: "t1", subnet: "10.77.0", hosts: 3, tcp: "h3", balancers: 2 };
    /// For the long run.
    pub const LOAD: Self = Self { name: "load", subnet: "10.80.0", hosts: 4, tcp: "none", balancers: 2 };
}
