//! Rollouts behind balancers of which one is lost, or at which somebody else is at work.

use std::time::Duration;

use shipctl::environment::{BatchSize, Ceiling};
use shipctl::name::HostName;
use shipctl::rollout::report::{Outcome, RowTraffic};
use tokio::time::sleep;

use crate::support::environment::host;
use crate::support::operator::{End, Operator, runtime};
use crate::support::sim::{Behaviour, Fault};
use crate::support::sweep::Scenario;

const GOOD: Behaviour = Behaviour::Good(Duration::from_millis(200));

#[test]
fn a_balancer_that_is_lost_at_any_call_leaves_the_other_one_with_servers_and_the_table_says_which() {
    runtime().block_on(async {
        let scenario = Scenario::balanced(GOOD).await;
        let calls = u64::try_from(scenario.play(&[]).await.kinds.len()).expect("a number");
        let mut lost = 0;
        for call in 1..=calls {
            let world = scenario.operator.world.fork();
            let operator = Operator { world: world.clone(), cancel: world.cancel(), ..scenario.operator.clone() };
            world.schedule(&[(call, Fault::PowerOff)]);
            let end = operator.run(&scenario.command).await;
            let state = world.state();
            if state.balancers.values().all(|balancer| balancer.up) {
                continue;
            }
            lost += 1;
            let left = state.balancers.values().find(|balancer| balancer.up).expect("the other one");
            assert!(left.drained.len() <= 1, "call {call}: {:?} are drained", left.drained.keys());
            if let End::Reported(report) = &end {
                let is_out = |at: &HostName| left.drained.contains_key(at);
                let told = |at: &HostName| {
                    report.rows.iter().any(|row| row.host == *at && row.traffic == Some(RowTraffic::Out))
                };
                assert!(state.hosts.keys().filter(|at| is_out(at)).all(told), "call {call}: {report:#?}");
            }
        }
        assert!(lost > 50, "it was lost {lost} times");
    });
}

#[test]
fn what_somebody_puts_into_maintenance_meanwhile_stays_there() {
    runtime().block_on(async {
        // Before it is drained, and while it is in hand.
        for (at, when) in [(host(3), host(1)), (host(2), host(2))] {
            let mut scenario = Scenario::balanced(GOOD).await;
            let update = &mut scenario.operator.environment.services[0].update;
            (update.max_unavailable, update.parallelism) = (Ceiling::Count(2), BatchSize::Count(1));
            let operator = &scenario.operator;
            let somebody = async {
                loop {
                    {
                        let mut state = operator.world.state();
                        if state.balancers.values().all(|balancer| balancer.drained.contains_key(&when)) {
                            for balancer in state.balancers.values_mut() {
                                balancer.maintained.insert(at.clone());
                            }
                            return;
                        }
                    }
                    sleep(Duration::from_millis(10)).await;
                }
            };
            let (end, ()) = tokio::join!(operator.run(&scenario.command), somebody);
            let End::Reported(report) = end else { panic!("{end:?}") };
            assert_eq!(report.outcome, Outcome::Completed, "{report:#?}");
            let state = operator.world.state();
            for balancer in state.balancers.values() {
                assert!(balancer.maintained.contains(&at), "it was taken out of maintenance");
            }
        }
    });
}
