//! Hosts themselves: whether they are fit, and what is done so that they are.

mod check;
mod setup;

pub use check::CheckAnswer;
pub use setup::{Prepared, SetupAnswer};

#[cfg(test)]
mod tests;
