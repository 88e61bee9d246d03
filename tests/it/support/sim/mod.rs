//! One simulated fleet for every test of the rollout. It is no mock: nothing is scripted, tests assert the state of
//! this world, never that something was called.

pub mod balancer;
pub mod container;
pub mod doors;
pub mod edge;
pub mod fault;
pub mod hook;
pub mod op;
pub mod rules;
pub mod store;
pub mod world;

pub use container::Behaviour;
pub use fault::Fault;
pub use world::World;
