//! What a manifest says of the stores that a release publishes to.

use shipctl::environment::publish::{PublishedValue, StoreKind};
use shipctl::template::{self, Process};

use crate::manifest_support::{Project, assert_problems, with_top_keys};

#[test]
fn what_is_wrong_with_a_store_is_said_with_its_place() {
    let cases = [
        (
            "publish: { s: { keys: { a: b } } }",
            "4:12: nothing says which store this is (write `consul: { address: … }` or `etcd: { address: … }`)",
        ),
        ("publish: { s: { etcd: { address: \"https://e:1\" } } }", "4:12: `keys` is missing"),
        (
            "publish: { s: { etcd: { address: \"https://e:1\" }, keys: {} } }",
            "4:57: 0 keys: a store takes 1 to 60 at once (put more into one value, such as a rendered config)",
        ),
        (
            "publish: { s: { etcd: { address: \"e:1\" }, keys: { a: b } } }",
            "4:34: `e:1` is not the address of a store (write `https://host:port`, without a path)",
        ),
        (
            "publish: { s: { consul: { address: \"http://c:1\" }, keys: { a: b } } }",
            "4:36: whoever is on the way can read and change this (write `https://…`, or `insecure: true` to accept that)",
        ),
        (
            "publish: { s: { etcd: { address: \"https://e:1\", tken: x }, keys: { /a: b, c: { secrt: d } } } }",
            "4:49: unknown key `tken` (did you mean `key`?)
4:68: `/a` is not a key (write words with `/` between them, without one at the beginning or end)
4:75: a value is one thing (write text, `{ config: name }` or `{ secret: name }`)
4:80: unknown key `secrt` (did you mean `secret`?)",
        ),
        (
            "publish: { s: { etcd: { address: \"https://e:1\" }, services: [wbe], keys: { a: b } } }",
            "4:62: there is no service `wbe` (did you mean `web`?)",
        ),
        (
            "publish: { s: { etcd: { address: \"https://e:1\" }, consul: { address: \"https://e:1\" }, keys: { a: b } } }",
            "4:17: a store is `consul` or `etcd`, not both",
        ),
    ];
    assert_problems(with_top_keys, &cases);
}

#[test]
fn two_entries_that_write_one_key_of_one_store_are_refused_with_both_lines() {
    let etcd = |name: &str, rest: &str| {
        format!("  {name}: {{ etcd: {{ address: \"https://e:1\" }}, keys: {{ {name}: x, level: info }}{rest} }}\n")
    };
    let two = |a: &str, b: &str| with_top_keys(&format!("publish:\n{}{}", etcd("a", a), etcd("b", b)));
    let help = "(put both into one entry, or give one of them another `prefix` or `state`)";
    let cases = [
        ("", "", format!("6:3: `a` has the key `shop/test/level` in the same store already (5) {help}")),
        (
            ", prefix: p, state: s",
            ", prefix: q, state: s",
            format!("6:3: `a` has the key `s` in the same store already (5) {help}"),
        ),
        (
            ", prefix: p, state: q/b",
            ", prefix: q",
            format!("6:3: `a` has the key `q/b` in the same store already (5) {help}"),
        ),
    ];
    for (a, b, expected) in cases {
        assert_problems(str::to_owned, &[(two(a, b).as_str(), expected.as_str())]);
    }
    Project::of(&two(", prefix: p", ", prefix: q")).sound();
    Project::of(&two("", "").replacen("https://e:1", "https://e:2", 1)).sound();
}

#[test]
fn keys_are_beneath_the_project_and_environment_and_hold_what_is_rendered() {
    let project = Project::of(&with_top_keys(
        "configs: { app: { template: templates/all.j2 } }
secrets: { token: { environment: TOKEN } }
publish: { s: { consul: { address: \"https://c:8501/\", token: { secret: token } }, keys: { level: info, a/conf: { config: app }, key: { secret: token } } } }",
    ))
    .with("templates/all.j2", "{{ project }} {{ hosts | map(attribute='name') | join(',') }}");
    let environment = project.sound();
    let store = &environment.publish["s"];
    assert_eq!(store.store.address, "https://c:8501");
    assert!(matches!(&store.store.kind, StoreKind::Consul { token: Some(token) } if token.as_str() == "token"));
    let keys: Vec<_> = store.values.keys().map(String::as_str).collect();
    assert_eq!(keys, ["shop/test/a/conf", "shop/test/key", "shop/test/level"]);
    assert!(matches!(store.values["shop/test/key"], PublishedValue::Secret(_)));
    let values = template::published(&environment, None, Process::This)
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    assert_eq!(values["s"].kept()["shop/test/a/conf"].bytes, b"shop h1");
    let project = project.with("templates/all.j2", "{{ host.name }}");
    let problems =
        template::published(&project.sound(), None, Process::This).err().expect("there is no host").to_string();
    assert!(problems.contains("host"), "{problems}");
}
