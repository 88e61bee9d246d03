//! Layers that are not there, lead elsewhere or go in a circle; variables without a value; `--set`.

use super::{Case, catalogue};

#[test]
fn layers() {
    let base = "project: shop\nservices: { web: { image: a, health: none } }\n";
    let over = |name, text: &str| Case::manifest(name, text).with("environments/base.yml", base);
    let hosts = "hosts: { h1: { ssh: h1 } }\n";
    let cases = vec![
        Case::environment("an environment with a space", "test "),
        Case::environment("an environment in upper case", "Test"),
        Case::environment("an environment elsewhere", "../test"),
        Case::environment("an environment by an absolute path", "/etc/passwd"),
        Case::environment("an environment that looks like an option", "--yes"),
        Case::environment("an environment that is misspelt", "stagin"),
        Case::environment("no environment at all", ""),
        Case::environment("a layer in place of an environment", "base"),
        over("a key misspelt in a higher layer", &format!("{hosts}services: {{ web: {{ prot: 80 }} }}\n")),
        over("a required key taken away by a null", &format!("{hosts}services:\n  web: {{ image: ~ }}\n")),
        over("a required key taken away by a reset", &format!("{hosts}services: {{ web: {{ image: !reset }} }}\n")),
        over("a circle of layers", "extends: eu\n").with("environments/eu.yml", "extends: test\n"),
        over("a layer over itself", "extends: test\n"),
        over("a layer that is not there", "extends: bse\n"),
        over("a layer out of the project", "extends: ../../x\n"),
        over("a layer by an absolute path", "extends: /etc/shadow\n"),
        over(
            "a service of a file that is not in the project",
            "services: { web: { extends: { file: /etc/shadow, service: x } } }",
        ),
        over(
            "a service of a file above the project",
            "services: { web: { extends: { file: ../../x.yml, service: x } } }",
        ),
        Case::service("variables from a directory", "env_file: templates"),
    ];
    insta::assert_snapshot!("layers", catalogue(cases));
}

#[test]
fn set() {
    let cases = vec![
        Case::set("no value", "services"),
        Case::set("no key", "=1"),
        Case::set("an empty key", "services..image=1"),
        Case::set("a quote without its end", "services.\"web.image=1"),
        Case::set("a path without end", &format!("{}=1", vec!["a"; 40].join("."))),
        Case::set("a key that is unknown", "services.web.imag=x"),
        Case::set("a section that is unknown", "servces.web.image=x"),
        Case::set("a text in place of a map", "services.web=1"),
        Case::set("YAML without its end", "services.web.ports=[1"),
        Case::set("YAML that is deep", &format!("x-a={}", "[".repeat(100))),
        Case::set("a value of the wrong kind", "services.web.init=maybe"),
        Case::set("a value that acts on a terminal", "services.web.init=\u{1b}[31m"),
        Case::set("a NUL", "services.web.user=\"a\\0\""),
    ];
    insta::assert_snapshot!("set", catalogue(cases));
}

#[test]
fn variables() {
    let user = |name, text: &str| Case::service(name, &format!("user: {text}"));
    let cases = vec![
        user("a variable that is not set", "${NOWHERE_SAID}"),
        user("a variable that is misspelt", "${TAGG}").with(".env", "TAG=1\n"),
        user("a variable with a message", "${NOWHERE_SAID:?say who}"),
        user("a brace without its end", "${NOWHERE_SAID"),
        user("a brace without a name", "${}"),
        user("a dollar without a name", "'a$'"),
        user("an unknown operator", "${NOWHERE_SAID/a/b}"),
        user("defaults within defaults", &format!("{}x{}", "${A:-".repeat(12), "}".repeat(12))),
        user("a file of variables that is none", "a").with(".env", "A\n1X=2\nB='\n"),
        user("variables that double each other", "$A30").with(".env", {
            let line = |n: usize| format!("A{}=\"$A{n}$A{n}\"\n", n + 1);
            format!("A0=xxxxxxxx\n{}", (0..40).map(line).collect::<Vec<_>>().concat())
        }),
        Case::service("a variable that is long, many times", &format!("command: [{}]", vec!["$LONG"; 100].join(", ")))
            .with(".env", format!("LONG={}\n", "x".repeat(500_000))),
        Case::service(
            "more files than a manifest is read from",
            &format!("env_file: [{}]", vec!["a.env"; 600].join(", ")),
        )
        .with("a.env", "A=1\n"),
        user("a variable whose value is none", "$BAD").with(".env", "BAD=a b\n"),
    ];
    insta::assert_snapshot!("variables", catalogue(cases));
}
