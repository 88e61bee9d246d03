//! shipctl on real Docker hosts: what is asserted is the state of the world, seen past the program under test.
//!
//! Runs as `cargo test --test fleet -- --test-threads=1`; tests share one fleet and wait for each other anyway.

mod bad_release;
mod balanced;
mod canary;
mod delivery;
mod endpoint;
mod fingerprint;
mod first_deploy;
mod haproxy;
mod health;
mod host_key;
mod host_loss;
mod interruption;
mod load;
mod local;
mod lock;
mod memory;
mod meter;
mod port;
mod publish;
mod registry;
mod render;
mod resources;
mod rollback;
mod rolling_update;
mod saved_plan;
mod secret;
mod status;
mod support;
mod teardown;
