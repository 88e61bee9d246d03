//! What an update may say about failed requests.

use shipctl::environment::error_rate::{ErrorRate, Inconclusive, Percentage};

use crate::manifest_support::{Project, assert_problems, with_services};

/// A manifest with a service behind a balancer that says this of its update.
fn balanced(update: &str) -> String {
    let traffic = "health: none, ports: ['8080:80'], traffic: { balancer: front, backend: web }";
    let services = with_services(&format!("{traffic}, deploy: {{ update_config: {{ {update} }} }}"));
    format!("{services}balancers: {{ front: {{ haproxy: {{ socket: /run/a.sock }} }} }}\n")
}

fn rate(update: &str) -> Option<ErrorRate> {
    Project::of(&balanced(update)).sound().services[0].update.error_rate.clone()
}

#[test]
fn a_comparison_has_a_share_a_number_and_a_meaning_of_too_few() {
    assert_eq!(rate("monitor: 5s"), None);
    let usual = ErrorRate { above_old: Percentage(100), requests: 100, inconclusive: Inconclusive::Fail };
    assert_eq!(rate("error_rate: {}"), Some(usual));
    let found = rate("error_rate: { above_old: 0.25%, requests: 20, inconclusive: pass }");
    assert_eq!(found, Some(ErrorRate { above_old: Percentage(25), requests: 20, inconclusive: Inconclusive::Pass }));
    for (text, share) in [("0%", 0), ("2.5%", 250), ("100%", 10_000)] {
        assert_eq!(rate(&format!("error_rate: {{ above_old: {text} }}")).expect("a rate").above_old, Percentage(share));
    }
}

#[test]
fn a_comparison_that_cannot_be_made_is_refused() {
    let share = |at: u32, text: &str| {
        format!(
            "3:{at}: `{text}` is not a share of requests (write a share from `0%` to `100%`, such as `1%` or `0.5%`)"
        )
    };
    let cases = [
        ("error_rate: { above_old: 1 }", share(160, "1")),
        ("error_rate: { above_old: 100.01% }", share(160, "100.01%")),
        ("error_rate: { above_old: 0.125% }", share(160, "0.125%")),
        ("error_rate: { above_old: -1% }", share(160, "-1%")),
        ("error_rate: { requests: 0 }", "3:159: expected a number from 1 to 1000000000, found `0`".to_owned()),
        (
            "error_rate: { inconclusive: continue }",
            "3:163: `continue` is not allowed here (use one of `pass`, `fail`)".to_owned(),
        ),
        ("error_rate: { window: 5m }", "3:149: unknown key `window` (use one of `above_old`, `requests`, `inconclusive`)".to_owned()),
        (
            "monitor: 0s, error_rate: {}",
            "3:148: `error_rate` beside `monitor: 0s` (errors are counted while hosts are watched; write for how long as `monitor`)".to_owned(),
        ),
    ];
    let cases: Vec<_> = cases.iter().map(|(keys, problem)| (*keys, problem.as_str())).collect();
    assert_problems(balanced, &cases);
    let alone = "health: none, deploy: { update_config: { error_rate: {} } }";
    let problem = "3:71: `error_rate` compares what a balancer counts, and there is none (name one in `traffic: { balancer: … }`; \
                   an edge has but one container of a service to send requests to)";
    assert_problems(with_services, &[(alone, problem)]);
}

#[test]
fn only_haproxy_counts_what_is_compared() {
    let other = |update: &str| balanced(update).replace("haproxy: { socket: /run/a.sock }", "consul: {}");
    let problem = "3:85: `error_rate` compares what HAProxy counts, and front is none (ask what measures its requests instead: \
                   `queries`)";
    assert_problems(other, &[("error_rate: {}", problem)]);
}
