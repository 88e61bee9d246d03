//! Layered YAML → [`Manifest`] → [`Environment`](crate::environment::Environment). The layers are merged by
//! the Compose Specification's rules, and every value keeps the file and line that set it. Only
//! [`load`] reads files; what the keys mean is decided in [`crate::environment::resolve`].

use std::path::PathBuf;

use crate::name::EnvironmentName;

mod amounts;
pub(crate) mod decode;
mod diagnostic;
mod difference;
pub(crate) mod dotenv;
mod env_file;
pub(crate) mod fields;
mod inherit;
pub(crate) mod interpolate;
pub(crate) mod load;
pub(crate) mod merge;
pub(crate) mod node;
mod offsets;
pub(crate) mod pairs;
pub(crate) mod parse;
mod render;
pub(crate) mod rules;
mod set;
pub(crate) mod short;
mod show;
pub(crate) mod source;
pub(crate) mod suggest;
pub(crate) mod variables;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use difference::Difference;
pub(crate) use load::text;
pub use load::{environments, load, load_recorded, read, read_interpolated};
pub use show::{Hidden, Provenance};

/// What an operator puts above the layers of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Files of further layers, in their order; anywhere, and relative to the working directory.
    pub files: Vec<PathBuf>,
    /// `key.path=value`, above everything else, in their order.
    pub set: Vec<String>,
}

/// All layers of an environment merged; values are still text.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(crate) name: EnvironmentName,
    pub(crate) root: PathBuf,
    pub(crate) sources: source::Sources,
    pub(crate) tree: node::Node,
}
