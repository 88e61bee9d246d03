//! What scenarios are made of: a fleet of real hosts, a project of an operator, the program under test.

use std::path::Path;

mod container;
mod engine;
pub mod etcd;
mod fleet;
mod host;
mod images;
pub mod poll;
pub mod process;
mod project;
mod run;
mod running;
mod session;
mod witness;

pub use container::Container;
pub use fleet::Fleet;
pub use host::Host;
pub use project::{API_TOKEN, Project};
pub use run::Run;
pub use running::Running;
pub use witness::Witness;

/// Longest wait for something that should happen within moments.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(15);

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
