//! What scenarios are made of: a fleet of real hosts, a project of an operator, the program under test.

use std::path::Path;

mod balancer;
mod container;
mod engine;
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

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
