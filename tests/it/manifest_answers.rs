//! What a gate may say about answers: how many, what they must be, and requests that are made once.

use std::collections::BTreeMap;
use std::time::Duration;

use shipctl::environment::{Expect, Health, Method, Smoke};

use crate::manifest_support::{Project, assert_problems, with_services};

fn health(keys: &str) -> Health {
    Project::of(&with_services(keys)).sound().services[0].health.clone()
}

fn header(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

#[test]
fn an_answer_is_described_by_status_headers_and_text() {
    let plain = health("health: { http: { port: 80 } }");
    assert_eq!((plain.successes, &plain.expect, plain.smoke.len()), (1, &Expect::default(), 0));
    assert!(plain.is_plain());
    let found = health(
        "health: { http: { port: 80 }, successes: 3, expect: { status: [200, 204], header: { X-Release: v7 }, contains: up } }",
    );
    let expect = Expect { status: vec![200, 204], header: header("X-Release", "v7"), contains: Some("up".to_owned()) };
    assert_eq!((found.successes, &found.expect), (3, &expect));
    assert_eq!(health("health: { http: { port: 80 }, expect: { status: 204 } }").expect.status, [204]);
}

#[test]
fn an_answer_names_the_release_by_a_variable() {
    let manifest = with_services("health: { http: { port: 80 }, expect: { header: { X-Release: \"${TAG}\" } } }");
    let environment = Project::of(&manifest).with(".env", "TAG=v8\n").sound();
    assert_eq!(environment.services[0].health.expect.header, header("X-Release", "v8"));
}

#[test]
fn a_smoke_request_takes_port_and_time_from_the_gate() {
    let found = health(
        "health: { http: { port: 80 }, timeout: 3s, smoke: [{ path: /login }, { path: /orders, method: POST, port: 81, \
         timeout: 9s, status: 401, header: { X-A: b }, contains: no }] }",
    );
    let login = Smoke {
        port: 80,
        method: Method::Get,
        path: "/login".to_owned(),
        expect: Expect::default(),
        timeout: Duration::from_secs(3),
    };
    let expect = Expect { status: vec![401], header: header("X-A", "b"), contains: Some("no".to_owned()) };
    let (timeout, path) = (Duration::from_secs(9), "/orders".to_owned());
    let orders = Smoke { port: 81, method: Method::Post, path, expect, timeout };
    assert_eq!(found.smoke, [login, orders]);
    assert_eq!(health("health: { exec: a, smoke: [{ path: /, port: 8080 }] }").smoke[0].port, 8080);
}

#[test]
fn what_no_answer_can_be_is_refused() {
    let cases = [
        (
            "health: { tcp: { port: 80 }, expect: { status: 200 } }",
            "3:59: `expect` is about the answer to an `http` check, and there is none",
        ),
        ("health: { http: { port: 80 }, successes: 0 }", "3:71: expected a number from 1 to 1000, found `0`"),
        (
            "health: { http: { port: 80 }, interval: 1s, successes: 62 }",
            "3:85: so many `successes`, one `interval` after the other, take longer than `healthy_deadline` (they take 1m1s and more)",
        ),
        (
            "health: { http: { port: 80 }, expect: { stauts: 200 } }",
            "3:70: unknown key `stauts` (did you mean `status`?)",
        ),
        (
            "health: { http: { port: 80 }, expect: { status: [200, 99], contains: '' } }",
            "3:84: expected a number from 200 to 599, found `99`\n3:99: `contains` is empty: every body contains that",
        ),
        (
            "health: { http: { port: 80 }, expect: { header: { 'X Release': v1, X-Empty: '', X-Two: \"a\\nb\" } } }",
            "3:80: `X Release` is no name of a header (a header's name is made of letters, digits and `-`, such as `X-Release`)\n\
             3:106: `` is not the value of a header (write text in ASCII, without a line break, and with nothing but spaces within it)\n\
             3:117: `a\\nb` is not the value of a header (write text in ASCII, without a line break, and with nothing but spaces within it)",
        ),
        (
            "health: { http: { port: 80 }, smoke: [{ path: login, method: FETCH }] }",
            "3:76: `login` is not a path (write a path such as `/up`: it begins with one `/`; escape what is not ASCII with `%`)\n\
             3:91: `FETCH` is not allowed here (did you mean `PATCH`? Otherwise use one of `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `PATCH`, `DELETE`)",
        ),
        (
            "health: { http: { port: 80 }, smoke: [{ path: /, method: HEAD, contains: x, timeout: 0s }] }",
            "3:103: `contains` beside `method: HEAD`, whose answer has no body\n3:115: `timeout` must be longer than `0s`",
        ),
        (
            "health: { tcp: { port: 80 }, smoke: [{ path: / }] }",
            "3:67: `port` is missing (write `port: 80`; without an `http` check there is none to take it from)",
        ),
        ("health: { http: { port: 80 }, smoke: [{ status: 200 }] }", "3:68: `path` is missing"),
        ("health: { http: { port: 80 }, smoke: { path: / } }", "3:67: expected a list, found a map"),
    ];
    assert_problems(with_services, &cases);
}
