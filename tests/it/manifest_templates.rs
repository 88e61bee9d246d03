//! Templates: what they see, what they may do, and what is said when they are wrong.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use shipctl::environment::{Environment, Secret};
use shipctl::fleet::key::FingerprintKey;
use shipctl::manifest::Diagnostics;
use shipctl::template::{self, Process, Rendered};

use crate::manifest_support::Project;

const MANIFEST: &str = "project: shop
hosts:
  h1: { docker: unix:///var/run/docker.sock, labels: { zone: a } }
  h2: { ssh: h2, labels: { zone: b, extra: x } }
secrets: { token: { environment: TOKEN } }
configs: { app: { template: templates/app.conf.j2 } }
services:
  web:
    image: shop/web
    health: none
    ports: ['8080:80', '53/udp']
    environment: { LEVEL: '{{ project }}', EMPTY: '' }
    configs: [{ source: app, target: /etc/app.conf }]
    secrets: [token]
";

fn project(template: &str) -> Project {
    Project::of(MANIFEST).with("templates/app.conf.j2", template)
}

fn render_all(environment: &Environment) -> Result<Rendered, Diagnostics> {
    let value = |text: &str| Secret::new(text.to_owned());
    let secrets: BTreeMap<_, _> = environment.secrets.keys().map(|name| (name.clone(), value("hunter2"))).collect();
    template::render_all(environment, &secrets, Process::This)
}

/// The file on `h1`.
fn rendered(project: &Project) -> String {
    let files = render_all(&project.sound()).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    String::from_utf8(files.values().next().unwrap()[0].bytes().to_vec()).unwrap()
}

fn problems(project: &Project) -> String {
    let problems = render_all(&project.sound()).unwrap_err();
    assert!(!problems.render(false).contains("hunter2"));
    project.anonymous(&problems.to_string()).replace("templates/app.conf.j2:", "")
}

#[test]
fn a_template_sees_project_host_and_service() {
    let template = "{{ project }} {{ environment }} {{ host.name }} {{ host.labels.zone }}
{{ service.name }} {{ service.environment.LEVEL }} [{{ service.environment.EMPTY }}] {{ true }} {{ 1.10 }}
{% for port in service.ports %}
  {{ port.host_port or 'none' }}:{{ port.container_port }}/{{ port.protocol }}
{% endfor %}
{{ service.ports[0]|tojson }} $HOME ${X} \"quoted\" & <b>\r
{% if host.labels.extra is defined %}extra{% endif %}
end";
    let expected = "shop test h1 a
web {{ project }} [] true 1.1
  8080:80/tcp
  none:53/udp
{\"host_ip\": null, \"host_port\": 8080, \"container_port\": 80, \"protocol\": \"tcp\"} $HOME ${X} \"quoted\" & <b>\r
end";
    assert_eq!(rendered(&project(template)), expected);
    assert_eq!(rendered(&project("a\r\nb\n\n")), "a\r\nb\n\n");
    assert_eq!(rendered(&project("")), "");
}

#[test]
fn templates_include_others_beneath_the_folder() {
    let project =
        project("{% include 'parts/head.j2' %}\nbody\n").with("templates/parts/head.j2", "head of {{ host.name }}\n");
    assert_eq!(rendered(&project), "head of h1\nbody\n");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let both = "rendering `web` on h1, `web` on h2";
    let cases = [
        ("a\nb {{ nope }}", format!("2:6: `nope` is not defined ({both})")),
        ("{{ release }}", format!("1:4: `release` is not defined ({both})")),
        ("{{ hots.name }}", format!("1:4: `hots.name` is not defined (did you mean `host`? ({both}))")),
        ("{{ host.nmae }}", format!("1:4: `host.nmae` is not defined (did you mean `name`? ({both}))")),
        ("{{ host.labels.extra }}", "1:4: `host.labels.extra` is not defined (rendering `web` on h1)".to_owned()),
        ("{% if x %}", format!("1:9: syntax error: unexpected end of input, expected end of block ({both})")),
        (
            "{{ service }}",
            format!("1:4: invalid operation: a list or map has no text; use a loop, `join` or `tojson` ({both})"),
        ),
        ("{{ none }}", format!("1:4: invalid operation: none has no text; write `value or \"text\"` ({both})")),
        ("{{ debug() }}", format!("1:4: unknown function: debug is unknown ({both})")),
        ("{{ 1|secret }}", format!("1:6: unknown filter: filter secret is unknown ({both})")),
        (
            "{% include 'nope.j2' %}",
            format!("1:4: there is no template `templates/nope.j2` (use `app.conf.j2` ({both}))"),
        ),
        (
            "{% include '../environments/test.yml' %}",
            format!("1:4: there is no template `templates/../environments/test.yml` (use `app.conf.j2` ({both}))"),
        ),
        (
            "{% include '/etc/passwd' %}",
            format!("1:4: there is no template `templates//etc/passwd` (use `app.conf.j2` ({both}))"),
        ),
        ("{% include 'app.conf.j2' %}", format!("1:4: invalid operation: recursion limit exceeded ({both})")),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            format!("1:40: this template runs too long ({both})"),
        ),
        ("{% set a = 'A' * 2000000 %}{{ a }}", format!("1:1: this template renders more than 1 MiB ({both})")),
        ("{% set a = 'A' * 9000000000 %}", format!("1:12: invalid operation: repeated string is too large ({both})")),
    ];
    for (template, expected) in cases {
        assert_eq!(problems(&project(template)), expected, "{template}");
    }
}

#[test]
fn an_error_in_an_included_template_is_placed_there() {
    let project = project("x\n{% include 'part.j2' %}").with("templates/part.j2", "\n\n  {{ host.zone }}\n");
    assert_eq!(
        problems(&project),
        "templates/part.j2:3:6: `host.zone` is not defined (did you mean `role`? (rendering `web` on h1, `web` on h2))"
    );
    let broken = project.with("templates/part.j2", "{{ ");
    assert!(problems(&broken).starts_with("templates/part.j2:1:"), "{}", problems(&broken));
}

/// A template that nothing uses may be anything.
#[test]
fn other_files_in_the_folder_do_no_harm() {
    let project = project("x").with("templates/notes.txt", "{{ {% nope").with("templates/logo.png", [0xff, 0xfe]);
    assert_eq!(rendered(&project), "x");
}

#[test]
fn links_do_not_lead_out_of_the_folder() {
    let outside = project("{% include 'leak.j2' %}").with("environments/private", "private");
    symlink("../environments/private", outside.root().join("templates/leak.j2")).unwrap();
    assert!(problems(&outside).starts_with("templates/leak.j2 is a link that leads out of templates/"));

    let config = project("x").with("secret", "private");
    fs::remove_file(config.root().join("templates/app.conf.j2")).unwrap();
    symlink("../secret", config.root().join("templates/app.conf.j2")).unwrap();
    assert_eq!(config.problems(), "6:29: `templates/app.conf.j2` is a link that leads out of templates/");

    let inside = project("{% include 'alias.j2' %}").with("templates/parts/a.j2", "fine");
    symlink("parts/a.j2", inside.root().join("templates/alias.j2")).unwrap();
    assert_eq!(rendered(&inside), "fine");
}

#[test]
fn secrets_are_files_beside_the_configs_and_never_shown() {
    let project = project("x");
    let environment = project.sound();
    let rendered = render_all(&environment).unwrap();
    let paths: Vec<&str> = rendered.values().next().unwrap().iter().map(|file| file.target.path.as_str()).collect();
    assert_eq!(paths, ["/etc/app.conf", "/run/secrets/token"]);
    assert!(!format!("{rendered:?}").contains("hunter2"));
    let missing = template::render_all(&environment, &BTreeMap::new(), Process::This).unwrap_err().to_string();
    assert_eq!(missing, "the secret `token` has no value (rendering `web` on h1, `web` on h2)");
    let key = FingerprintKey::generate();
    let token = |rendered: &Rendered| rendered.values().next().unwrap()[1].stamp(Some(&key));
    assert_eq!(token(&render_all(&environment).unwrap()), token(&rendered));
    assert_eq!(token(&rendered).secret.map(|name| name.to_string()), Some("token".to_owned()));
}
