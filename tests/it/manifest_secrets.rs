//! How a service gets its secrets: copied, in memory, or as variables.

use shipctl::delivery::Delivery;
use shipctl::environment::Service;
use shipctl::name::ServiceName;

use crate::manifest_support::{Project, assert_problems, with_service_keys};

/// Source and path, owner with group and mode, and delivery.
type Given = (String, String, (u32, u32, u32), Delivery);

/// What each secret of `web` is.
fn secrets(keys: &str) -> Vec<Given> {
    let environment = Project::of(&with_service_keys(keys)).sound();
    let web: ServiceName = "web".parse().unwrap();
    let service: &Service = &environment.services[&web];
    let secret = |secret: &shipctl::environment::SecretFile| {
        let file = &secret.file;
        (secret.source.to_string(), file.path.clone(), (file.uid, file.gid, file.mode), secret.deliver.clone())
    };
    service.secrets.iter().map(secret).collect()
}

fn one(path: &str, owner: (u32, u32, u32), delivery: Delivery) -> Vec<Given> {
    vec![("token".to_owned(), path.to_owned(), owner, delivery)]
}

#[test]
fn a_secret_belongs_to_the_user_of_the_service() {
    let path = "/run/secrets/token";
    for (keys, owner) in [
        ("secrets: [token]", (0, 0, 0o400)),
        ("secrets: [token]\nuser: '1000'", (1000, 0, 0o400)),
        ("secrets: [token]\nuser: 1000:2000", (1000, 2000, 0o400)),
        ("secrets: [token]\nuser: root", (0, 0, 0o400)),
        ("secrets: [{ source: token, uid: 7 }]\nuser: 1000:2000", (7, 2000, 0o400)),
        ("secrets: [{ source: token, uid: 7, gid: 8 }]\nuser: app", (7, 8, 0o400)),
        ("secrets: [{ source: token, mode: 0444 }]\nuser: app", (0, 0, 0o444)),
    ] {
        assert_eq!(secrets(keys), one(path, owner, Delivery::Container), "{keys}");
    }
}

#[test]
fn a_secret_is_kept_in_memory_or_given_as_a_variable_where_the_manifest_says_so() {
    let in_memory = one("/run/secrets/token", (0, 0, 0o400), Delivery::Memory);
    assert_eq!(secrets("secrets: [{ source: token, tmpfs: true }]"), in_memory);
    assert_eq!(secrets("read_only: true\nsecrets: [{ source: token, tmpfs: true }]"), in_memory);
    assert_eq!(secrets("environment: { A: b, TOKEN: { secret: token } }"), one("TOKEN", (0, 0, 0), Delivery::Variable));
    let read_only = "read_only: true\nenvironment: { TOKEN: { secret: token } }";
    assert_eq!(secrets(read_only), one("TOKEN", (0, 0, 0), Delivery::Variable));
    let environment = Project::of(&with_service_keys("environment: { A: b, TOKEN: { secret: token } }")).sound();
    let web = environment.services.values().next().unwrap();
    assert_eq!(web.runtime.environment, [("A".to_owned(), "b".to_owned())].into());
}

#[test]
fn a_later_layer_gives_a_secret_for_a_text_and_a_text_for_a_secret() {
    let layered = |base: &str, over: &str| {
        let project = Project::of(&format!("extends: base\nservices: {{ web: {{ environment: {over} }} }}\n"));
        let environment =
            project.with("environments/base.yml", with_service_keys(&format!("environment: {base}"))).sound();
        let web = environment.services.values().next().unwrap().clone();
        (web.runtime.environment.len(), web.secrets.len())
    };
    assert_eq!(layered("{ TOKEN: x }", "{ TOKEN: { secret: token } }"), (0, 1));
    assert_eq!(layered("{ TOKEN: { secret: token } }", "{ TOKEN: x }"), (1, 0));
    assert_eq!(layered("[TOKEN=x]", "{ OTHER: { secret: token } }"), (1, 1));
}

#[test]
fn what_cannot_be_delivered_is_refused_with_its_place() {
    assert_problems(
        with_service_keys,
        &[
            (
                "secrets: [token]\nuser: app",
                "12:15: the user `app` could not read this: it belongs to root (write `user` as a number, or give the secret a `uid` (`{ source: .., uid: 1000 }`))",
            ),
            (
                "environment: { A: { secret: tokn } }",
                "12:33: the secret `tokn` is not declared (did you mean `token`?)",
            ),
            (
                "environment: { A: { from: token } }",
                "12:20: `secret` is missing\n12:25: unknown key `from` (use `secret`)",
            ),
            (
                "environment: { 1A: { secret: token } }",
                "12:20: `1A` is not the name of a variable (use letters, digits, `_`, `.` and `-`, and begin with a letter or `_`)",
            ),
            (
                "configs: [{ source: app, tmpfs: true }]",
                "12:30: unknown key `tmpfs` (use one of `source`, `target`, `uid`, `gid`, `mode`, `deliver`, `on_change`)",
            ),
        ],
    );
}
