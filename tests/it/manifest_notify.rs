//! What a manifest says of who is told what comes of a rollout.

use std::collections::BTreeSet;
use std::time::Duration;

use shipctl::environment::Occasion;
use shipctl::environment::notify::{Given, Recipient};

use crate::manifest_support::{Project, assert_problems, with_top_keys};

#[test]
fn what_is_wrong_with_a_notification_is_said_with_its_place() {
    let cases = [
        (
            "notify: { team: { on: [start] } }",
            "4:11: nothing says how they are reached (write `webhook: { url: … }`, `slack: { url: … }` or \
             `command: [program, argument]`)",
        ),
        (
            "notify: { team: { slack: { url: 'https://a' }, command: [x] } }",
            "4:48: `command` beside another way: each entry is one of them",
        ),
        (
            "notify: { team: { slak: { url: 'https://a' }, command: x } }",
            "4:19: unknown key `slak` (did you mean `slack`?)",
        ),
        (
            "notify: { team: { command: [x], on: [sucess] } }",
            "4:38: `sucess` is not allowed here (did you mean `success`? Otherwise use one of `start`, `success`, `rollback`, \
             `mixed`, `failure`)",
        ),
        (
            "notify: { team: { command: [x], on: [] } }",
            "4:37: they would be told of nothing (leave `on` out for everything)",
        ),
        (
            "notify: { team: { command: [x], timeout: 5m } }",
            "4:42: the end of a rollout waits for this, so it is at most 1m",
        ),
        ("notify: { team: { command: [x], timeout: 0s } }", "4:42: what may take no time cannot run"),
        ("notify: { team: { webhook: {} } }", "4:19: `url` is missing"),
        (
            "notify: { team: { webhook: { url: hooks.example.com } } }",
            "4:35: `hooks.example.com` is not the address of a web server (write `https://host/path`, or `{ secret: NAME }`)",
        ),
        (
            "notify: { team: { webhook: { url: 'https://me:pass@host/' } } }",
            "4:35: `https://me:pass@host/` is not the address of a web server (write `https://host/path`, or \
             `{ secret: NAME }`)",
        ),
        (
            "notify: { team: { slack: { url: 'http://host' } } }",
            "4:33: whoever is on the way can read and change this (write `https://…`, or `insecure: true` to accept that)",
        ),
        (
            "notify: { team: { slack: { url: { secret: nope } } } }",
            "4:43: the secret `nope` is not declared (declare it under `secrets:` at the top of the manifest)",
        ),
        (
            "notify: { team: { slack: { url: 'https://h', headers: { a: b } } } }",
            "4:46: unknown key `headers` (use one of `insecure`, `url`, `ca`)",
        ),
        (
            "notify: { team: { webhook: { url: 'https://h', headers: { 'a b': c } } } }",
            "4:59: `a b` is not the name of a header",
        ),
        (
            "notify: { team: { webhook: { url: 'https://h', headers: { a: \"b\\nc\" } } } }",
            "4:62: a header is one line of text",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

const TEXT: &str = "project: shop
hosts: { h1: { docker: unix:///1 } }
services: { web: { image: a, health: none } }
secrets: { hook: { environment: HOOK } }
notify:
  team: { slack: { url: { secret: hook } }, on: [rollback, mixed] }
  audit: { webhook: { url: 'https://audit/x', headers: { Authorization: { secret: hook } } } }
";

#[test]
fn a_later_layer_may_reach_somebody_in_another_way_and_for_other_occasions() {
    let project = Project::of("notify: { team: { command: [tell, it], on: success, timeout: 3s } }\n")
        .with("environments/base.yml", TEXT);
    let notify = project.sound().notify;
    let team = &notify["team"];
    assert_eq!(team.to, Recipient::Command(vec!["tell".to_owned(), "it".to_owned()]));
    assert_eq!((&team.on, team.timeout), (&BTreeSet::from([Occasion::Success]), Duration::from_secs(3)));
    let audit = &notify["audit"];
    assert_eq!((audit.on.len(), audit.timeout), (5, Duration::from_secs(5)));
    let Recipient::Webhook { headers, .. } = &audit.to else { panic!("{audit:?}") };
    assert_eq!(headers["Authorization"], Given::Secret("hook".parse().expect("a name")));
}
