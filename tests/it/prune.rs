//! What is removed from hosts once no release needs it: which images that is, told from names and references alone, and what
//! becomes of hosts when something fails meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use insta::assert_snapshot;
use jiff::Timestamp;
use shipctl::container::PinnedImage;
use shipctl::environment::Environment;
use shipctl::environment::prune::{Pattern, Prune};
use shipctl::event::{Event, EventSink, Record, Warning};
use shipctl::fleet::ledger::Ledger;
use shipctl::fleet::select::Selection;
use shipctl::fleet::stock::{Stock, StockedImage};
use shipctl::plan::Pruning;
use shipctl::report::Answer;
use shipctl::report::prune::PruneAnswer;
use shipctl::rollout::cancel::Cancel;
use shipctl::rollout::clean::{Clean, Cleaned};
use shipctl::rollout::lock::{Claim, NotLocked};
use shipctl::rollout::recorder::Recorder;
use shipctl::rollout::report::Outcome;

use crate::support::environment::{environment, host, image};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::world::{Call, IMAGE, SimMarker};
use crate::support::sim::{Behaviour, Fault, World};

/// Two hosts that keep one earlier release, and images for no time at all.
fn pruning() -> Environment {
    let prune = Prune { automatic: true, grace: Duration::ZERO, exclude: Vec::new() };
    Environment { keep_releases: 1, prune, ..environment(2) }
}

/// An operator who has deployed these releases, one after the other.
async fn deployed(environment: &Environment, tags: &[&str]) -> Operator {
    let world = World::new((1..=2).map(host));
    let operator = Operator::new(&world, environment);
    for tag in tags {
        assert_eq!(rolled_out(&operator, tag).await, Outcome::Completed, "{tag}");
    }
    operator
}

async fn rolled_out(operator: &Operator, tag: &str) -> Outcome {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => report.outcome,
        other => panic!("{tag}: {other:?}"),
    }
}

async fn ledger(operator: &Operator) -> Ledger {
    operator.world.doors().observe(&operator.environment.scope()).await.ledger()
}

/// The images of a host, by the tags that their digests are made of.
fn images(operator: &Operator, number: usize) -> Vec<String> {
    let state = operator.world.state();
    let known: BTreeMap<_, _> =
        ["v1", "v2", "v3", "v4", "v5", "v9"].map(|tag| (image(tag).reference(), tag.to_owned())).into();
    let name = |it: &String| known.get(it).unwrap_or(it).clone();
    state.hosts[&host(number)].images.iter().map(name).collect()
}

#[derive(Default)]
struct Tape(Mutex<Vec<Event>>);

impl EventSink for Tape {
    fn take(&self, record: &Record) {
        self.0.lock().expect("nobody panicked").push(record.event.clone());
    }
}

#[test]
fn an_image_goes_only_if_nothing_refers_to_it() {
    runtime().block_on(async {
        let operator = deployed(&Environment { prune: Prune::default(), ..pruning() }, &["v1", "v2", "v3", "v4"]).await;
        let (ledger, now) = (ledger(&operator).await, Timestamp::from_second(100_000).unwrap());
        let named = |tag: &str| image(tag).reference();
        let stocked = |digests: &[&str]| StockedImage {
            digests: digests.iter().map(|it| (*it).to_owned()).collect(),
            created: Some(Timestamp::UNIX_EPOCH),
            ..StockedImage::default()
        };
        let hex = |tag: &str| image(tag).digest().trim_start_matches("sha256:").to_owned();
        let sent = |tag: &str| StockedImage {
            tags: [format!("shipctl/shop/web:{}", hex(tag))].into(),
            ..stocked(&[])
        };
        let other = format!("registry.example/shop/web@sha256:{}", "e".repeat(64));
        let foreign = format!("registry.example/other/web@sha256:{}", "e".repeat(64));
        let all = [
            ("in force", stocked(&[&named("v4")])),
            ("one back", stocked(&[&named("v3")])),
            ("two back", stocked(&[&named("v2")])),
            (
                "two back, of a stopped container",
                StockedImage { users: ["mine".to_owned()].into(), ..stocked(&[&named("v2")]) },
            ),
            (
                "two back, with a tag",
                StockedImage {
                    tags: ["registry.example/shop/web:golden".to_owned()].into(),
                    ..stocked(&[&named("v2")])
                },
            ),
            ("two back, in another repository too", stocked(&[&named("v2"), &foreign])),
            ("never rolled out", stocked(&[&other])),
            (
                "never rolled out, and new",
                StockedImage { created: Some(Timestamp::from_second(99_000).unwrap()), ..stocked(&[&other]) },
            ),
            ("sent, two back", sent("v2")),
            ("sent, in force", sent("v4")),
            (
                "sent, two back, to a containerd store",
                StockedImage {
                    digests: [format!("docker.io/shipctl/shop/web@sha256:{}", "f".repeat(64))].into(),
                    ..sent("v2")
                },
            ),
            ("somebody's on Docker Hub", stocked(&[&format!("docker.io/shipctl/shop/web@sha256:{}", "f".repeat(64))])),
            ("of others", stocked(&[&foreign])),
            ("without a name", stocked(&[])),
        ];
        let stock = Stock { images: all.map(|(id, image)| (id.to_owned(), image)).into(), markers: BTreeSet::new() };
        let observed = operator.world.doors().observe(&operator.environment.scope()).await;
        let judged = |environment: &Environment| {
            let mut pruning = Pruning::of(environment, &observed);
            pruning.repositories.insert("shipctl/shop/web".to_owned());
            let all = pruning.judge(&stock, &ledger, now);
            let line = |one: &shipctl::plan::pruning::Judged<'_>| match &one.stays {
                Some(why) => format!("{}: stays, {why:?}\n", one.id),
                None => format!("{}: goes\n", one.id),
            };
            all.iter().map(line).collect::<String>()
        };
        assert_snapshot!(judged(&operator.environment), @r#"
        in force: stays, Release(4)
        never rolled out: goes
        never rolled out, and new: stays, Young(1970-01-02T03:30:00Z)
        one back: stays, Release(3)
        sent, in force: stays, Release(4)
        sent, two back: goes
        sent, two back, to a containerd store: goes
        two back: goes
        two back, in another repository too: stays, Named("registry.example/other/web@sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee")
        two back, of a stopped container: stays, Used("mine")
        two back, with a tag: stays, Named("registry.example/shop/web:golden")
        "#);
        let exclude: Vec<Pattern> = vec!["*/shop/*".parse().unwrap()];
        let excluded = Environment { prune: Prune { exclude, ..Prune::default() }, ..operator.environment.clone() };
        assert!(!judged(&excluded).contains("goes"), "{}", judged(&excluded));
    });
}

#[test]
fn deploys_leave_the_images_of_what_can_be_gone_back_to() {
    runtime().block_on(async {
        let operator = deployed(&pruning(), &["v1", "v2", "v3"]).await;
        assert_eq!(images(&operator, 1), ["v2", "v3"]);
        operator.world.behaves(image("v9").digest(), Behaviour::Exits(Duration::from_millis(200)));
        assert_eq!(rolled_out(&operator, "v9").await, Outcome::RolledBack);
        assert_eq!(images(&operator, 1), ["v2", "v3", "v9"], "what came to no good end removes nothing");
        assert!(matches!(operator.run(&Command::Rollback).await, End::Reported(report) if report.outcome == Outcome::Completed));
        assert_eq!(images(&operator, 2), ["v2", "v3"], "what was never in force goes; v3 can be come back to");
    });
}

#[test]
fn what_was_rolled_out_only_now_stays_for_the_grace_period() {
    runtime().block_on(async {
        let prune = Prune { automatic: true, ..Prune::default() };
        let operator = deployed(&Environment { prune, ..pruning() }, &["v1", "v2", "v3"]).await;
        assert_eq!(images(&operator, 1), ["v1", "v2", "v3"]);
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(rolled_out(&operator, "v4").await, Outcome::Completed);
        assert_eq!(images(&operator, 1), ["v3", "v4"]);
    });
}

#[test]
fn nothing_is_removed_beside_a_rollout_of_others() {
    runtime().block_on(async {
        let mut operator = deployed(&pruning(), &["v1", "v2"]).await;
        let tape = Arc::new(Tape::default());
        operator.sink = tape.clone();
        let lock =
            SimMarker { id: shipctl::container::ContainerId("other".to_owned()), number: 0, text: String::new() };
        operator.world.state().host(&host(1)).markers.insert("shipctl-lock-shop-staging".to_owned(), lock);
        assert_eq!(rolled_out(&operator, "v3").await, Outcome::Completed);
        assert_eq!(images(&operator, 1), ["v1", "v2", "v3"]);
        assert_eq!(images(&operator, 2), ["v2", "v3"]);
        let events = tape.0.lock().unwrap().clone();
        let told = events.iter().find_map(|event| match event {
            Event::Warning(Warning::NotPruned { host, reason }) => Some(format!("{host}: {reason}")),
            _ => None,
        });
        assert_eq!(told.as_deref(), Some("web1: a rollout of shop-staging is under way on this host"));
        let freed = Event::Pruned { host: host(2), images: 1, bytes: IMAGE };
        assert!(events.contains(&freed), "{events:?}");
    });
}

async fn cleaned(operator: &Operator) -> Result<BTreeMap<shipctl::name::HostName, Cleaned>, NotLocked> {
    let claim = Claim {
        token: "prune".to_owned(),
        by: "ann@desk".to_owned(),
        kind: "prune".to_owned(),
        rollout: "1".to_owned(),
    };
    let (recorder, doors) = (operator.recorder(), operator.world.doors());
    let selection = Selection::default();
    let (environment, doors, recorder) = (&operator.environment, &doors, &recorder);
    Clean { environment, selection: &selection, doors, recorder }.run(&claim, &Cancel::default()).await
}

#[test]
fn an_operator_removes_containers_that_are_too_old_and_then_their_images() {
    runtime().block_on(async {
        let generous = Environment { keep_releases: 5, ..environment(2) };
        let mut operator = deployed(&generous, &["v1", "v2", "v3", "v4"]).await;
        assert_eq!(images(&operator, 1), ["v1", "v2", "v3", "v4"]);
        operator.environment = pruning();
        let (doors, selection) = (operator.world.doors(), Selection::default());
        let observed = doors.observe(&operator.environment.scope()).await;
        let recorder: &Recorder = &operator.recorder();
        let (environment, doors) = (&operator.environment, &doors);
        let hosts = Clean { environment, selection: &selection, doors, recorder }.look(&observed).await;
        let answer = PruneAnswer { scope: environment.scope(), hosts: hosts.clone(), done: false };
        let text = anstream::adapter::strip_str(&answer.text()).to_string();
        // Names end in the digest of a spec, whose form is of no interest here.
        let text: Vec<_> = text.lines().filter(|line| !line.contains("container shop")).collect();
        assert_snapshot!(text.join("\n"), @r"
        HOST  WHAT                                          SIZE      STATE
        web1  image registry.example/shop/web@763176317631  10.00 MB  would be removed
        web1  image registry.example/shop/web@763276327632  10.00 MB  would be removed
        web2  image registry.example/shop/web@763176317631  10.00 MB  would be removed
        web2  image registry.example/shop/web@763276327632  10.00 MB  would be removed

        4 containers and 4 images would go, and give 40.00 MB back.
        next: shipctl prune prod
        ");
        assert_eq!(images(&operator, 1), ["v1", "v2", "v3", "v4"], "it was only looked");
        let done = cleaned(&operator).await.expect("the lock");
        assert_eq!(done.iter().map(|(host, it)| (host, &it.containers, &it.images.gone)).collect::<Vec<_>>(),
            hosts.iter().map(|(host, it)| (host, &it.containers, &it.images.gone)).collect::<Vec<_>>(), "as it was said");
        for number in 1..=2 {
            assert_eq!(images(&operator, number), ["v3", "v4"]);
            assert_eq!(operator.world.state().hosts[&host(number)].containers.len(), 2);
        }
        assert!(matches!(operator.run(&Command::Rollback).await, End::Reported(report) if report.outcome == Outcome::Completed));
    });
}

#[test]
fn nothing_is_removed_while_somebody_rolls_out() {
    runtime().block_on(async {
        let operator = deployed(&pruning(), &["v1"]).await;
        let world = &operator.world;
        world.behaves(image("v2").digest(), Behaviour::Good(Duration::from_secs(2)));
        let deploy = Command::Deploy("v2".to_owned());
        let (end, refused) = tokio::join!(operator.run(&deploy), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cleaned(&operator).await
        });
        assert!(matches!(&end, End::Reported(report) if report.outcome == Outcome::Completed), "{end:?}");
        assert!(matches!(refused, Err(NotLocked::Held(holder)) if holder.kind == "deploy"));
    });
}

/// Whatever fails in a deploy that prunes, or kills it: what containers and releases need is there, and can be gone back to.
#[test]
fn no_fault_takes_an_image_that_is_needed() {
    runtime().block_on(async {
        let before = deployed(&pruning(), &["v1", "v2", "v3"]).await;
        let play = async |faults: &[(u64, Fault)]| {
            let world = before.world.fork();
            let operator = Operator { world: world.clone(), cancel: world.cancel(), ..before.clone() };
            world.schedule(faults);
            let end = operator.run(&Command::Deploy("v4".to_owned())).await;
            let kinds = world.state().kinds.clone();
            world.schedule(&[]);
            tokio::time::sleep(Duration::from_mins(1)).await;
            (Operator { cancel: Cancel::default(), ..operator }, end, kinds)
        };
        let (operator, _, calls) = play(&[]).await;
        assert_eq!(images(&operator, 1), ["v3", "v4"]);
        let mut played = 0;
        for (number, call) in (1..).zip(calls) {
            let all = [&Fault::OF_CALLS[..], &[Fault::CrashBefore, Fault::CrashAfter]].concat();
            for fault in all.into_iter().take(if call == Call::Change { 8 } else { 1 }) {
                let (operator, end, _) = play(&[(number, fault)]).await;
                let needs = |number: usize| {
                    let state = operator.world.state();
                    let host = &state.hosts[&host(number)];
                    let lacks = |it: &&PinnedImage| !host.images.contains(&it.reference());
                    host.containers.iter().map(|one| &one.stamp.image).find(lacks).cloned()
                };
                for number in 1..=2 {
                    assert_eq!(needs(number), None, "{fault:?} at call {number}: {end:?}");
                }
                let current = ledger(&operator).await.current().map(|entry| entry.release.number);
                for number in 1..=2 {
                    let (there, current) = (images(&operator, number), format!("v{}", current.expect("a release")));
                    assert!(there.contains(&"v3".to_owned()) && there.contains(&current), "{fault:?}: {there:?}");
                }
                let back = operator.run(&Command::Rollback).await;
                assert!(
                    matches!(&back, End::Reported(report) if report.outcome == Outcome::Completed),
                    "{fault:?} at {number}: {back:?}"
                );
                played += 1;
            }
        }
        assert!(played > 100, "{played}");
    });
}
