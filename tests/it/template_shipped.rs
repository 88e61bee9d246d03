//! The templates that are shipped, each rendered as a project would use it.

use std::fs;
use std::path::Path;

use crate::manifest_support::Project;

/// The shipped template as it is on host `web1`, with these variables, for a service on two hosts.
fn rendered(template: &str, variables: &str) -> String {
    let manifest = format!(
        "project: shop
hosts:
  web1: {{ ssh: deploy@web1.internal }}
  web2: {{ ssh: deploy@10.0.0.2, labels: {{ standby: \"true\" }} }}
configs: {{ it: {{ template: templates/{template}, variables: {{ {variables} }} }} }}
services:
  front:
    image: shop/front
    health: none
    ports: [\"80:8080\"]
    environment: {{ LOG_LEVEL: warn }}
    configs: [{{ source: it, target: /etc/it }}]
"
    );
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let read = |name: &str| fs::read(shipped.join(name)).expect("a shipped template");
    let project = Project::of(&manifest)
        .with(&format!("templates/{template}"), read(template))
        .with("templates/parts/header.j2", read("parts/header.j2"));
    let environment = project.sound();
    let host = environment.hosts.values().next().expect("a host");
    let files =
        shipctl::template::render(&environment, host, &environment.services[0], shipctl::template::Process::This)
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    String::from_utf8(files[0].bytes().to_vec()).expect("text")
}

#[test]
fn an_env_file_for_an_application() {
    let text = rendered("app.env.j2", "FEATURES: \"a b\"");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["APP_ENVIRONMENT='test'", "APP_HOST='web1'", "LOG_LEVEL='warn'", "FEATURES='a b'"]);
    assert!(text.starts_with("# Written by shipctl for front of shop in test; changes on web1 are lost.\n"), "{text}");
}

#[test]
fn nginx_before_an_application() {
    let text = rendered("nginx.conf.j2", "upstream: \"app:8080\"");
    for line in ["        server app:8080;", "        listen 8080;", "        server_name _;", "X-Served-By \"web1\";"]
    {
        assert!(text.contains(line), "{line} is missing from {text}");
    }
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn haproxy_before_all_hosts() {
    let text = rendered("haproxy.cfg.j2", "port: \"80\"");
    let servers: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("server ")).map(str::trim).collect();
    assert_eq!(
        servers,
        [
            "server web1 web1.internal:80 check inter 1s fall 2 rise 2",
            "server web2 10.0.0.2:80 check inter 1s fall 2 rise 2 backup",
        ]
    );
    assert!(text.contains("    option httpchk GET '/up'\n"), "{text}");
    assert!(text.ends_with("backup\n"), "{text:?}");
}

#[test]
fn a_sidecar_that_passes_logs_on() {
    let text = rendered("fluent-bit.yaml.j2", "graylog: logs.internal");
    let yaml: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let output = &yaml["pipeline"]["outputs"][0];
    assert_eq!((output["host"].as_str(), output["port"].as_u64()), (Some("logs.internal"), Some(12201)));
    assert_eq!(yaml["pipeline"]["filters"][0]["add"][2].as_str(), Some("host \"web1\""));
}
