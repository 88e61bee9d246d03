//! What scenarios are made of: a fleet of real hosts, a project of an operator, the program under test.

use std::io::{Seek, Write};
use std::path::Path;

mod balancer;
pub mod caddy;
mod container;
pub mod edge;
mod engine;
pub mod etcd;
mod fleet;
mod host;
pub mod images;
mod meter;
pub mod podman;
pub mod poll;
pub mod process;
mod project;
mod refused;
mod run;
mod running;
mod session;
mod shape;
mod witness;

pub use balancer::{Balancer, Server};
pub use container::Container;
pub use fleet::Fleet;
pub use host::Host;
pub use meter::{Measured, Meter};
pub use project::{API_TOKEN, Project};
pub use refused::Refused;
pub use run::Run;
pub use running::Running;
pub use shape::Shape;
pub use witness::Witness;

/// Longest wait for something that should happen within moments.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(15);

/// Everything on a host that a test or a rollout could have written; its disk as one file is the fleet's own.
const PLACES: &str = "--exclude=disk.img /etc /home /opt /root /run /srv /tmp /var";

/// Files of a host that hold a text, which no command line tells meanwhile: another test may be looking at them.
pub fn files_with(fleet: &Fleet, host: &str, text: &str) -> Vec<String> {
    let mut input = tempfile::tempfile().expect("a file");
    input.write_all(text.as_bytes()).and_then(|()| input.rewind()).expect("a file to read");
    let search = format!("grep -rlaFs -f - {PLACES} || true");
    fleet.script_on(&["exec", host, "bash", "-c", &search], input.into()).lines().map(str::to_owned).collect()
}

/// A port of this machine that nobody listens at.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
