//! What scenarios are made of: a fleet of real hosts, a project of an operator, the program under test.

use std::path::Path;

mod balancer;
mod container;
mod engine;
pub mod etcd;
mod fleet;
mod host;
mod images;
mod meter;
pub mod poll;
pub mod process;
mod project;
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
pub use run::Run;
pub use running::Running;
pub use shape::Shape;
pub use witness::Witness;

/// Longest wait for something that should happen within moments.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(15);

/// Everything on a host that a test or a rollout could have written; its disk as one file is the fleet's own.
const PLACES: &str = "--exclude=disk.img /etc /home /opt /root /run /srv /tmp /var";

/// Files of a host that hold a text.
pub fn files_with(fleet: &Fleet, host: &str, text: &str) -> Vec<String> {
    let search = format!("grep -rlaFs -e '{text}' {PLACES} || true");
    fleet.script(&["exec", host, "bash", "-c", &search]).lines().map(str::to_owned).collect()
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
