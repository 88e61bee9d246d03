//! A balancer behind the operator's own programs, which are real processes here.

use std::fs;
use std::path::Path;
use std::time::Duration;

use shipctl::balancer::command::CommandBalancer;
use shipctl::balancer::{Admin, BalancerError, LoadBalancer, Member};
use shipctl::environment::balancer::Programs;
use shipctl::environment::{Balancer, Scope};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::balancer_contract::{Case, assert_silent};
use crate::manifest_support::{Project, assert_problems, with_top_keys};

const LONG: Duration = Duration::from_mins(2);

/// Keeps the state of each server of `app` in a file, as a balancer would.
const SET: &str =
    "test -f \"$SHIPCTL_BACKEND/$SHIPCTL_SERVER\" || exit 3; echo $1 0 up > \"$SHIPCTL_BACKEND/$SHIPCTL_SERVER\"";
const STATE: &str = "cd \"$SHIPCTL_BACKEND\" && for one in *; do echo \"$one $(cat \"$one\")\"; done";

fn shell(words: &str, argument: &str) -> Vec<String> {
    ["sh", "-c", words, "sh", argument].map(str::to_owned).to_vec()
}

fn world() -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("app")).expect("a folder");
    for server in ["web1", "web2"] {
        fs::write(root.path().join("app").join(server), "ready 0 up\n").expect("a file");
    }
    root
}

fn programs() -> Programs {
    let (drain, admit) = (shell(SET, "drain"), shell(SET, "ready"));
    Programs { drain, admit, state: Some(shell(STATE, "")), timeout: LONG }
}

fn balancer(root: &Path, programs: Programs) -> CommandBalancer {
    let scope = Scope { project: "shop".parse().expect("a name"), environment: "prod".parse().expect("a name") };
    let member = |name: &str| Member {
        host: name.parse().expect("a name"),
        addresses: Vec::new(),
        ports: Vec::new(),
        bound: None,
    };
    let servers = ["web1", "web2", "nobody-2"].map(|name| (name.to_owned(), member(name))).into();
    let known = [("app".to_owned(), servers)].into();
    CommandBalancer::new(programs, root, "front".parse().expect("a name"), scope, known)
}

fn file(root: &TempDir, server: &str) -> String {
    fs::read_to_string(root.path().join("app").join(server)).expect("a file")
}

#[tokio::test]
async fn programs_that_can_be_asked_keep_the_contract() {
    let root = world();
    let balancer = balancer(root.path(), programs());
    Case { balancer: &balancer, backend: "app", server: "web1", other: "web2" }.holds().await;
    balancer.drain("app", "web1").await.expect("a drain");
    assert_eq!((file(&root, "web1").as_str(), file(&root, "web2").as_str()), ("drain 0 up\n", "ready 0 up\n"));
}

#[tokio::test]
async fn programs_that_fail_or_are_missing_are_errors() {
    let root = world();
    let failing = Programs {
        drain: shell("exit 1", ""),
        admit: shell("exit 1", ""),
        state: Some(shell("exit 1", "")),
        timeout: LONG,
    };
    assert_silent(&balancer(root.path(), failing), "app", "web1").await;
    let missing = Programs { state: Some(vec!["./no-such-program".to_owned()]), ..programs() };
    assert_silent(&balancer(root.path(), missing), "app", "web1").await;
}

#[tokio::test]
async fn a_program_that_says_it_is_done_is_not_believed_where_state_says_otherwise() {
    let root = world();
    let lying = balancer(root.path(), Programs { drain: shell("exit 0", ""), ..programs() });
    let Err(BalancerError::Refused(why)) = lying.drain("app", "web1").await else { panic!("it is believed") };
    assert_eq!(why, "`state` does not confirm the drain of app/web1");
}

#[tokio::test]
async fn without_state_nothing_is_claimed_but_what_was_told() {
    let root = world();
    let balancer = balancer(root.path(), Programs { state: None, ..programs() });
    let admin = async || balancer.servers("app").await.expect("servers")["web1"].admin;
    assert_eq!(admin().await, Admin::Unknown);
    balancer.drain("app", "web1").await.expect("a drain");
    assert_eq!((admin().await, file(&root, "web1").as_str()), (Admin::Drain, "drain 0 up\n"));
    balancer.admit("app", "web1").await.expect("an admit");
    assert_eq!((admin().await, file(&root, "web1").as_str()), (Admin::Ready, "ready 0 up\n"));
    let Err(BalancerError::Refused(why)) = balancer.drain("app", "nobody-2").await else { panic!("not refused") };
    assert_eq!(why, "sh ended with exit code 3");
    assert!(matches!(balancer.drain("app", "web9").await, Err(BalancerError::Refused(_))));
}

#[tokio::test]
async fn a_program_is_told_what_it_is_about_and_its_last_words_are_passed_on() {
    let root = world();
    let tells = "echo first >&2; echo \"$SHIPCTL_PROJECT|$SHIPCTL_ENVIRONMENT|$SHIPCTL_BALANCER|$SHIPCTL_ACTION|\
                 $SHIPCTL_BACKEND|$SHIPCTL_SERVER|$1|$PWD\" >&2; exit 7";
    let balancer = balancer(root.path(), Programs { drain: shell(tells, "a b"), state: None, ..programs() });
    let Err(BalancerError::Refused(why)) = balancer.drain("app", "web1").await else { panic!("it failed") };
    let place = fs::canonicalize(root.path()).expect("a folder");
    assert_eq!(why, format!("sh ended with exit code 7: shop|prod|front|drain|app|web1|a b|{}", place.display()));
}

#[tokio::test]
async fn a_program_whose_time_is_up_ends_with_all_that_it_has_started() {
    let root = world();
    let slow = Programs {
        drain: shell("sleep 1000 & echo $! > pid; wait", ""),
        state: None,
        timeout: Duration::from_secs(1),
        ..programs()
    };
    let answer = balancer(root.path(), slow).drain("app", "web1").await;
    let Err(BalancerError::InDoubt(why)) = answer else { panic!("{answer:?}") };
    assert_eq!(why, "sh did not end within 1s, and was ended");
    let pid = fs::read_to_string(root.path().join("pid")).expect("a number");
    let begun = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        if stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X'])) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it goes on: {stat}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let root = world();
    let state = Some(shell("head -c 50000000 /dev/zero | tr '\\0' x", ""));
    let answer = balancer(root.path(), Programs { state, ..programs() }).servers("app").await;
    assert_eq!(answer, Err(BalancerError::InDoubt("sh prints more than 262144 bytes".to_owned())));
}

#[test]
fn what_is_wrong_with_programs_is_said_with_its_place() {
    let cases = [
        ("balancers: { a: { command: { drain: [x] } } }", "4:19: `admit` is missing"),
        (
            "balancers: { a: { command: { drain: [x], admit: [] } } }",
            "4:49: the command is empty (write `[program, argument]`)",
        ),
        (
            "balancers: { a: { command: { drain: [x], admit: [y], stat: [z] } } }",
            "4:54: unknown key `stat` (did you mean `state`?)",
        ),
        (
            "balancers: { a: { command: { drain: [x], admit: [y], timeout: 0s } } }",
            "4:63: what may take no time cannot run",
        ),
        (
            "balancers: { a: { haproxy: { socket: /a }, command: { drain: [x], admit: [y] } } }",
            "4:44: `command` beside `haproxy`: a balancer is of one kind",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn programs_are_a_list_of_words_with_a_minute_each() {
    let text = with_top_keys("balancers: { a: { command: { drain: lb out, admit: [lb, in], state: [lb, show] } } }\n");
    let environment = Project::of(&text).sound();
    let Some(Balancer::Command(programs)) = environment.balancers.values().next() else { panic!("no programs") };
    assert_eq!(
        (&programs.drain[..], programs.timeout),
        (&["lb".to_owned(), "out".to_owned()][..], Duration::from_mins(1))
    );
    let missing = Project::of(&text.replace("[lb, in]", "[scripts/lb, in]")).problems_of("test", &[]);
    assert!(missing.contains("4:53: there is no file ") && missing.contains("/scripts/lb"), "{missing}");
}
