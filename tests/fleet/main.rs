//! shipctl on real Docker hosts: what is asserted is the state of the world, seen past the program under test.
//!
//! Runs as `cargo test --test fleet -- --test-threads=1`; tests share one fleet and wait for each other anyway.

mod bad_release;
mod balanced;
#[path = "../it/balancer_contract.rs"]
mod balancer_contract;
mod build;
mod canary;
mod console;
mod contract;
mod delivery;
mod edge;
mod endpoint;
mod engines;
mod fingerprint;
mod first_deploy;
mod haproxy;
mod health;
mod hooks;
mod host_key;
mod host_loss;
mod hosts;
mod interruption;
mod jobs;
mod load;
mod local;
mod lock;
mod memory;
mod meter;
mod other_balancers;
mod port;
mod promote;
mod prune;
mod publish;
mod reboot;
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
mod told;
mod verbs;
