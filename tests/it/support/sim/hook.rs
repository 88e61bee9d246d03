//! Hooks of the simulated operator's machine, with the same faults as calls to hosts.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use shipctl::engine::LineSink;
use shipctl::environment::{Hook, Point};
use shipctl::hook::facts::Moment;
use shipctl::hook::{Facts, HookEnd, Hooks};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::world::{Call, LATENCY, World};

/// What hooks do, and what they were told.
#[derive(Debug, Clone, Default)]
pub struct SimHooks {
    /// What each was told, in order.
    pub told: Vec<Facts>,
    /// Those that fail: at which point, and of which batch.
    pub fail: BTreeSet<(Point, Option<usize>)>,
    /// How long one takes beyond a moment.
    pub takes: Duration,
}

/// The point that the facts are about.
pub fn point(facts: &Facts) -> Point {
    let Moment::Hook(point) = facts.moment else { panic!("no hook hears {facts:?}") };
    point
}

/// The hooks behind their door.
pub struct SimHookDoor(pub World);

#[async_trait]
impl Hooks for SimHookDoor {
    async fn run(&self, _: &Hook, facts: &Facts, line: &LineSink, stop: BoxFuture<'_, ()>) -> HookEnd {
        let (fault, takes, fails) = {
            let mut state = self.0.state();
            state.hooks.told.push(facts.clone());
            let fault = state.call("hooks", Call::Change, Instant::now());
            let batch = facts.batch.map(|batch| batch.number);
            (fault, state.hooks.takes, state.hooks.fail.contains(&(point(facts), batch)))
        };
        line(format!("hook {}", point(facts)));
        if fault == Some(Fault::Interrupt) {
            self.0.cancel().request();
        }
        tokio::select! {
            biased;
            () = stop => return HookEnd::Stopped,
            () = sleep(LATENCY + takes) => {}
        }
        match fault {
            Some(fault) if fault.kills() => {
                self.0.kill();
                std::future::pending().await
            }
            None | Some(Fault::Interrupt) if !fails => HookEnd::Done,
            _ => HookEnd::Failed("it ended with exit code 1".to_owned()),
        }
    }
}
