//! A host that the registry refuses to speak to.

use super::Fleet;

/// It does, until this is dropped.
pub struct Refused<'f>(&'f Fleet, &'static str);

impl<'f> Refused<'f> {
    pub fn new(fleet: &'f Fleet, host: &'static str) -> Self {
        Self::rule(fleet, host, "-I");
        Self(fleet, host)
    }

    fn rule(fleet: &Fleet, host: &str, what: &str) {
        let registry = fleet.registry();
        let (_, port) = registry.rsplit_once(':').expect("a port");
        let refuse = ["-p", "tcp", "--dport", port, "-j", "REJECT", "--reject-with", "tcp-reset"];
        fleet.script(&[&["exec", host, "iptables", "-w", what, "OUTPUT"][..], &refuse].concat());
    }
}

impl Drop for Refused<'_> {
    fn drop(&mut self) {
        Self::rule(self.0, self.1, "-D");
    }
}
