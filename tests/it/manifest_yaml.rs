//! How YAML is read. What is refused is in `bad_input`.

use proptest::prelude::*;
use shipctl::environment::RestartPolicy;

use crate::manifest_support::{Project, with_service_keys, with_top_keys};

#[test]
fn a_file_is_utf_8_with_or_without_a_byte_order_mark() {
    let sound = with_top_keys("");
    assert_eq!(Project::of(&format!("\u{feff}{sound}")).problems(), "");
    assert_eq!(Project::of(&sound.replace('\n', "\r\n")).problems(), "");
}

/// Columns count characters, spans count bytes.
#[test]
fn places_are_right_behind_other_alphabets() {
    let keys = "environment: { \"é\": \"ü\", B: \"→\" }\nlabels: { ä: ö, prot }\nprot: 1";
    let manifest = with_service_keys(keys);
    let problems = Project::of(&manifest).load("test", &[]).unwrap_err();
    let places: Vec<_> =
        problems.iter().map(|problem| (problem.line, problem.column, &manifest[problem.span.clone()])).collect();
    assert_eq!(places, [(12, 20, "\"é\""), (13, 21, "prot"), (14, 5, "prot")]);
}

#[test]
fn merge_keys_fill_in_what_a_map_does_not_say() {
    let manifest = "project: shop
hosts: { h1: { docker: unix:///var/run/docker.sock } }
x-first: &first { restart: always, user: a }
x-second: &second { user: b, init: true }
services:
  web: { <<: [*first, *second], image: shop/web, health: none, restart: 'no' }
";
    let runtime = &Project::of(manifest).sound().services[0].runtime;
    assert_eq!((&runtime.restart, runtime.user.as_deref(), runtime.init), (&RestartPolicy::No, Some("a"), true));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Whatever a file holds, the answer is an environment or diagnostics that can be shown.
    #[test]
    fn any_text_gets_an_answer(
        text in "([a-z]{1,3}|[-:{}\\[\\],&*!|>'\"#%@`?~<\r\n\té🚢]| |\n  |services|hosts|: ){0,60}",
        before in prop::sample::select(vec!["", "project: shop\n", "services:\n  web:\n    ", "hosts:\n  "]),
    ) {
        if let Err(problems) = Project::of(&format!("{before}{text}")).load("test", &[&text]) {
            prop_assert!(!problems.render(false).is_empty());
        }
    }
}
