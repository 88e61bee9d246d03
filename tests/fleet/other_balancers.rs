//! Rollouts behind balancers other than HAProxy.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::caddy::Caddy;
use crate::support::{Fleet, Meter, Project};

/// Requests a second.
const RATE: u32 = 60;

/// Behind the Caddy of a balancer's machine, whose upstreams are addresses, while hosts are reached by name.
fn behind(project: &Project, fleet: &Fleet) {
    let traffic = "    traffic: { balancer: site, backend: srv0, drain_deadline: 20s, up_deadline: 20s }\n";
    project.edit("    health:\n", &format!("{traffic}    health:\n"));
    let caddy = format!("{{ ssh: deploy@lb1, admin: \"{}\" }}", Caddy::admin_place());
    project.edit("registry:\n", &format!("balancers: {{ site: {{ caddy: {caddy} }} }}\nregistry:\n"));
    for host in fleet.hosts().iter().filter(|host| host.by_ssh) {
        let (name, address) = (&host.name, &host.address);
        let own = format!("services: {{ web: {{ traffic: {{ server: \"{address}:8080\" }} }} }}");
        project.edit(&format!("{{ ssh: deploy@{name} }}"), &format!("{{ ssh: deploy@{name}, {own} }}"));
    }
}

#[test]
fn hosts_behind_caddy_are_taken_out_one_by_one_and_all_get_requests_again() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let upstreams: Vec<_> = fleet.hosts().iter().map(|host| format!("{}:8080", host.address)).collect();
    let mut caddy = Caddy::start_beside(&fleet, "lb1", &upstreams, "round_robin");
    let before = caddy.app();
    behind(&project, &fleet);
    project.count_posts();
    project.misbehave("abrupt");
    project.install();
    let meter = Meter::start(&fleet, &caddy.url, RATE);
    meter.wait_for_more(u64::from(RATE));
    project.tag("v2");
    let mut run = project.start(&["deploy", "prod", "--yes"]);
    run.wait_for_step("h1", "gate");
    assert!(caddy.app()["servers"]["shipctl-drained"].is_object(), "h1 is out of traffic while it is replaced");
    let run = run.end().expect(0);
    assert_eq!(run.table(), ["h1 r1 r2 healthy", "h2 r1 r2 healthy", "h3 r1 r2 healthy"]);
    assert_eq!((fleet.releases(), caddy.app()), (vec!["v2".to_owned(); 3], before.clone()));
    // A bad release: the host that failed and the one before it are back in traffic with what they ran.
    project.tag("v3");
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    assert_eq!((fleet.releases(), caddy.app()), (vec!["v2".to_owned(); 3], before));
    meter.wait_for_more(u64::from(RATE));
    let measured = meter.stop();
    // Caddy closes idle connections when it is told something, and a request may cross with that. Nothing else is lost, as
    // Linux hands over what waits to be accepted.
    assert_eq!(measured.count(&["reset_before_answer"]), measured.failures(), "{measured}");
    for client in ["new connection", "slow"] {
        assert_eq!(measured.client(client)["failed"], 0, "{measured}");
    }
    measured.assert_posts_arrived_once();
    // Nobody to tell: nothing is stopped.
    caddy.end();
    project.template("");
    let run = project.deploy(1);
    assert!(run.text().contains("balancer site"), "{run}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
}

const SCRIPT: &str = r#"#!/bin/sh
# Speaks to HAProxy on lb1 as an operator would by hand.
say() { echo "$1" | ssh -F "$SHIPCTL_SSH_CONFIG" lb1 socat -t 5 - /run/haproxy/admin.sock; }
case $SHIPCTL_ACTION in
    drain) answer=$(say "set server $SHIPCTL_BACKEND/$SHIPCTL_SERVER state drain") && test -z "$answer" ;;
    admit) answer=$(say "set server $SHIPCTL_BACKEND/$SHIPCTL_SERVER state ready") && test -z "$answer" ;;
    state)
        { say "show stat $SHIPCTL_BACKEND 4 -1"; say "show servers state $SHIPCTL_BACKEND" | tr ' ' ,; } | awk -F, '
            /^#/ { for (i = 1; i <= NF; i++) { name = $i; sub(/^# ?/, "", name); if (i > 1 || name != "") at[name] = i } next }
            NF > 30 { open[$at["svname"]] = $at["scur"] + $at["qcur"]; next }
            NF > 9 {
                admin = $7 == 0 ? "ready" : $7 == 8 ? "drain" : "maint"
                print $4, admin, open[$4], ($6 == 2 ? "up" : "down")
            }' ;;
esac
"#;

#[test]
fn programs_of_the_operator_take_hosts_out_of_a_real_haproxy_and_put_them_back() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    fs::create_dir(project.path("scripts")).expect("a directory");
    project.write("scripts/lb", SCRIPT);
    fs::set_permissions(project.path("scripts/lb"), fs::Permissions::from_mode(0o755)).expect("permissions");
    let traffic = "    traffic: { balancer: cloud, backend: app, drain_deadline: 20s, up_deadline: 20s }\n";
    project.edit("    health:\n", &format!("{traffic}    health:\n"));
    let programs = "{ drain: [scripts/lb], admit: [scripts/lb], state: [scripts/lb] }";
    project.edit("registry:\n", &format!("balancers: {{ cloud: {{ command: {programs} }} }}\nregistry:\n"));
    project.install();
    project.tag("v2");
    let mut run = project.start(&["deploy", "prod", "--yes"]);
    run.wait_for_step("h1", "gate");
    let balancer = fleet.balancer("lb1");
    let states = balancer.say("show servers state app");
    let state = states.lines().find(|line| line.contains(" h1 ")).expect("a server");
    assert_eq!(state.split(' ').nth(6), Some("8"), "drained, and nothing else: {states}");
    let run = run.end().expect(0);
    assert_eq!(run.table(), ["h1 r1 r2 healthy", "h2 r1 r2 healthy", "h3 r1 r2 healthy"]);
    balancer.wait_until_all_are_up(&fleet.hosts());
    // A program that fails: nothing is stopped.
    project.write("scripts/lb", "#!/bin/sh\necho no way >&2\nexit 4\n");
    project.tag("v3");
    let run = project.deploy(1);
    assert!(run.text().contains("exit code 4: no way"), "{run}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
}
