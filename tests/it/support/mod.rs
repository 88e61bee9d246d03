//! The one rig of the tests in this binary.

pub mod environment;
pub mod operator;
pub mod planted;
pub mod sim;
pub mod sweep;
