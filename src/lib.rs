//! shipctl deploys containers to a team's own hosts, host by host behind a health gate, and puts the
//! whole fleet back when a host fails.
//!
//! ```text
//! environments/*.yml, --set   manifest     → Environment   pure but for reading files; every error, with its line
//! templates/                  template     → RenderedFile  pure
//! image tags, build contexts  image        → PinnedImage   builds, pushes, resolves
//!                             release      → Release       pure; immutable from here on
//! hosts                       rollout::doors → Observed    looks once
//!                             plan         → Plan          pure: shown, saved, compared
//!                             rollout::Rollout → Report    acts; makes no choices
//! ```
//!
//! Events ([`event`]) are the only bridge from a rollout to the screen ([`report`]) and to the [`journal`].

pub mod balancer;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod console;
pub mod container;
pub mod delivery;
pub mod doctor;
pub mod duration;
pub mod engine;
pub mod environment;
pub mod error;
pub mod event;
pub mod fleet;
pub mod health;
pub mod hook;
pub mod image;
pub mod import;
pub mod journal;
pub mod machine;
pub mod manifest;
pub mod metrics;
pub mod name;
pub mod notify;
pub mod plan;
pub mod power;
pub mod publish;
pub mod redact;
pub mod registry;
pub mod release;
pub mod report;
pub mod rollout;
pub mod sealed;
pub mod size;
pub mod store;
pub mod template;
pub mod transport;
