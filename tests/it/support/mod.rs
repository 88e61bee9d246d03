//! The one rig of the tests in this binary.

pub mod environment;
pub mod http;
pub mod listening;
pub mod operator;
pub mod planted;
pub mod recording;
pub mod sim;
pub mod sweep;
