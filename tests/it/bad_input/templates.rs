//! Templates that are wrong, run wild, or want what is not theirs.

use std::os::unix::fs::symlink;

use super::{Case, catalogue};

#[test]
fn templates() {
    let template = |name, text: &str| Case::template(name, text);
    let cases = vec![
        template("a variable that is not defined", "a\nb {{ nope }}"),
        template("a variable that is misspelt", "{{ hots.name }}"),
        template("an attribute that is misspelt", "{{ host.nmae }}"),
        template("a label that this host lacks", "{{ host.labels.zone }}"),
        template("a variable that is not defined, in a condition", "{% if nope %}{% endif %}"),
        template("a block without its end", "{% if host %}\n"),
        template("a block that ends another", "{% if host %}{% endfor %}"),
        template("an expression without its end", "{{ host.name"),
        template("an expression that is none", "{{ 1 + }}"),
        template("a character of several bytes that is not expected", "é{% if\u{feff}x %}"),
        template("a comment without its end", "a\n{# b"),
        template("an unknown statement", "{% load x %}"),
        template("a filter that is not there", "{{ 1|secret }}"),
        template("a function that would show everything", "{{ debug() }}"),
        template("a clock", "{{ now() }}"),
        template("chance", "{{ [1, 2]|random }}"),
        template("a variable of the operator", "{{ env('HOME') }}"),
        template("a secret", "{{ secrets.token }}"),
        template("the release", "{{ release }}"),
        template("a map in place of text", "{{ service }}"),
        template("a none in place of text", "{{ none }}"),
        template("a number that is divided by zero", "{{ 1 // 0 }}"),
        template("a value that an env file cannot hold", "{{ \"a\\nb\"|env }}"),
        template("a value that HAProxy cannot read", "{{ \"a\\nb\"|haproxy }}"),
        template("a value that a shell cannot hold", "{{ \"a\\0b\"|shell }}"),
        template("a template of more than 1 MiB", &"x".repeat((1 << 20) + 1)),
        Case::template("a template that is not UTF-8", b"a\n\xff"),
    ];
    insta::assert_snapshot!("templates", catalogue(cases));
}

#[test]
fn includes() {
    let include = |name, path: &str| Case::template(name, format!("a\n{{% include '{path}' %}}"));
    let cases = vec![
        include("a part that is not there", "nope.j2"),
        include("a part that is misspelt", "app.cnf.j2"),
        include("a part above the folder", "../environments/test.yml"),
        include("a part by an absolute path", "/etc/passwd"),
        include("a part that is hidden", ".hidden").with("templates/.hidden", "x"),
        include("a part that is wrong itself", "part.j2").with("templates/part.j2", "\n  {{ host.zone }}\n"),
        include("a part that does not end", "part.j2").with("templates/part.j2", "{% if"),
        include("a part that is not UTF-8", "part.j2").with("templates/part.j2", b"\xff"),
        include("a link out of the folder", "part.j2").prepared("templates/part.j2 -> /etc/hostname", |root| {
            symlink("/etc/hostname", root.join("templates/part.j2")).expect("a link");
        }),
        include("a template that includes itself", "app.conf.j2"),
        Case::template("a template that extends itself", "{% extends 'app.conf.j2' %}"),
        Case::template("a template that imports itself", "{% import 'app.conf.j2' as a %}{{ a.b }}"),
    ];
    insta::assert_snapshot!("includes", catalogue(cases));
}

/// Each ends in a moment, and takes no more memory than it may.
#[test]
fn templates_that_run_wild() {
    let wild = |name, text: &str| Case::template(name, text);
    let big = "{% set a = 'A' * 90000000 %}";
    let cases = vec![
        wild("loops in loops", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"),
        wild("a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
        wild("more text than a file may hold", "{% for i in range(100000) %}{{ i }} and so on{% endfor %}"),
        wild("a text repeated too often", "{% set a = 'A' * 9000000000 %}"),
        wild("texts put together", &format!("{big}{{% set b = [{}] %}}", vec!["a ~ 'x'"; 100].join(", "))),
        wild(
            "a text that doubles",
            "{% set ns = namespace(a='A') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
        ),
        wild(
            "a text that is replaced by more",
            &format!("{big}{{% set b = a|replace('A', 'AAAAAAAAAAAAAAAAAAAA') %}}"),
        ),
        wild("captured text", "{% set a %}{% for i in range(90000) %}{{ 'A' * 100000 }}{% endfor %}{% endset %}"),
        wild("a list of a great many", "{% set a = (1, 2) * 50000000 %}"),
    ];
    insta::assert_snapshot!("templates_that_run_wild", catalogue(cases));
}
