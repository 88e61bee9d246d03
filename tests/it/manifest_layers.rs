//! Layers: which are read, how they merge, and that every value knows the line that set it.

use shipctl::manifest::{self, Overrides};

use crate::manifest_support::{Project, with_top_keys};

const BASE: &str = "project: shop
services:
  web:
    image: shop/web
    health: { tcp: { port: 80 }, interval: 1s }
    command: [a, b]
    environment: { A: base, B: base }
    ports: ['80:80', { target: 443, published: 443 }]
    volumes: ['/srv/a:/a', /cache]
    labels: [x=1]
    build: .
    logging: { driver: json-file, options: { max-size: 1m } }
    deploy: { placement: { constraints: [host.name != b] } }
";

fn merged(overlay: &str, overrides: &[&str]) -> String {
    let project = Project::of(overlay).with("environments/base.yml", BASE);
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let shown = manifest::read(project.root(), "test", &Overrides { set: overrides, ..Overrides::default() })
        .unwrap()
        .show(false);
    let web = shown.split("\n  web:\n").nth(1).unwrap();
    web.lines().map(|line| format!("{}\n", line.split("  #").next().unwrap().trim_end())).collect::<Vec<_>>().concat()
}

/// The lines of `web` that differ from the base's, once this is laid over it.
fn difference(overlay: &str) -> Vec<String> {
    let base = merged("", &[]);
    let body = overlay.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    let merged = merged(&format!("services:\n  web:\n{body}"), &[]);
    let removed =
        base.lines().filter(|line| !merged.lines().any(|other| other == *line)).map(|line| format!("-{}", line.trim()));
    let added =
        merged.lines().filter(|line| !base.lines().any(|other| other == *line)).map(|line| format!("+{}", line.trim()));
    removed.chain(added).collect()
}

#[test]
fn layers_merge_by_the_rules_of_compose() {
    let cases: [(&str, &[&str]); 22] = [
        ("environment: { B: over, C: new }", &["-B: base", "+B: over", "+C: new"]),
        ("environment: [B=over]", &["-B: base", "+B: over"]),
        ("labels: { y: 2 }", &["-- x=1", "+x: '1'", "+y: 2"]),
        ("command: c", &["-command:", "-- a", "-- b", "+command: c"]),
        ("command: [c]", &["-- a", "-- b", "+- c"]),
        ("ports: ['80:80/udp']", &["+- 80:80/udp"]),
        ("ports: ['80:80', '443:443']", &["-- target: 443", "-published: 443", "+- 443:443"]),
        ("ports: !override ['81:80']", &["-- 80:80", "-- target: 443", "-published: 443", "+- 81:80"]),
        ("ports: !reset []", &["-ports:", "-- 80:80", "-- target: 443", "-published: 443"]),
        ("volumes: ['/srv/b:/a:ro', '/c:/c']", &["-- /srv/a:/a", "+- /srv/b:/a:ro", "+- /c:/c"]),
        ("environment: { A: !reset null }", &["-A: base"]),
        ("environment: !override { C: new }", &["-A: base", "-B: base", "+C: new"]),
        ("environment:", &[]),
        ("build: { target: run }", &["-build: .", "+build:", "+context: .", "+target: run"]),
        ("build: sub", &["-build: .", "+build:", "+context: sub"]),
        ("health: { http: { port: 81 } }", &["-tcp:", "-port: 80", "+http:", "+port: 81"]),
        ("health: none", &["-health:", "-tcp:", "-port: 80", "-interval: 1s", "+health: none"]),
        ("logging: { options: { max-file: '2' } }", &["+max-file: '2'"]),
        ("logging: { driver: local }", &["-driver: json-file", "-options:", "-max-size: 1m", "+driver: local"]),
        ("deploy: { placement: { constraints: [host.name != b, host.name != c] } }", &["+- host.name != c"]),
        ("x-note: !reset 1", &[]),
        ("x-note: { a: !reset 1, b: !override [1] }", &["+x-note:", "+b:", "+- 1"]),
    ];
    for (overlay, expected) in cases {
        assert_eq!(difference(overlay), expected, "{overlay}");
    }
}

#[test]
fn every_value_is_shown_with_the_line_that_set_it() {
    let overlay = "extends: base
hosts: { h1: { docker: unix:///var/run/docker.sock } }
services:
  web:
    environment:
      B: |
        two
        lines
      C: 'true'
    ports: !reset []
    volumes: !reset []
    labels: {}
    build: !reset ''
";
    let project = Project::of(overlay).with("environments/base.yml", BASE);
    let set = ["services.web.image=shop/web:2".to_owned(), "services.web.command=[\"x: y\", 5]".to_owned()];
    let expected = "\
project: shop                            # environments/base.yml:1
services:
  web:
    image: shop/web:2                    # --set
    health:
      tcp:
        port: 80                         # environments/base.yml:5
      interval: 1s                       # environments/base.yml:5
    command:
    - 'x: y'                             # --set
    - 5                                  # --set
    environment:
      A: base                            # environments/base.yml:7
      B: |                               # environments/test.yml:7
        two
        lines
      C: 'true'                          # environments/test.yml:9
    labels:
      x: '1'                             # environments/base.yml:10
    logging:
      driver: json-file                  # environments/base.yml:12
      options:
        max-size: 1m                     # environments/base.yml:12
    deploy:
      placement:
        constraints:
        - host.name != b                 # environments/base.yml:13
extends: base                            # environments/test.yml:1
hosts:
  h1:
    docker: unix:///var/run/docker.sock  # environments/test.yml:2
";
    let manifest =
        manifest::read(project.root(), "test", &Overrides { set: set.to_vec(), ..Overrides::default() }).unwrap();
    assert_eq!(manifest.show(false), expected);
    let provenance = manifest.provenance();
    let image = provenance.iter().find(|value| value.path == "services.web.image").unwrap();
    assert_eq!((image.value.as_str(), image.file.as_str(), image.line), ("shop/web:2", "--set", 1));
    let constraint =
        provenance.iter().find(|value| value.path == "services.web.deploy.placement.constraints[0]").unwrap();
    assert_eq!((constraint.file.as_str(), constraint.line), ("environments/base.yml", 13));
}

/// What is shown is itself a manifest, and means the same.
#[test]
fn what_is_shown_reads_back() {
    let project =
        Project::of("hosts: { h1: { docker: unix:///var/run/docker.sock } }\n").with("environments/base.yml", BASE);
    let shown = |project: &Project| {
        manifest::read(project.root(), "test", &Overrides::default())
            .as_ref()
            .map(|manifest| manifest.show(false))
            .unwrap()
    };
    let first = shown(&project);
    let second = shown(&Project::of(&first));
    let values = |text: &str| {
        text.lines().map(|line| line.split("  #").next().unwrap().trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&second));
}

#[test]
fn an_environment_extends_its_layers() {
    let project = Project::of("extends: eu\nkeep_releases: 4\n")
        .with("environments/eu.yml", "keep_releases: 5\nhosts: { eu1: { ssh: eu1 } }\n")
        .with("environments/base.yml", "project: shop\nservices: { web: { image: shop/web, health: none } }\n");
    let environment = project.sound();
    assert_eq!((environment.keep_releases, environment.hosts.len()), (4, 1));
    assert_eq!(project.load("test", &["keep_releases=6", "keep_releases=7"]).unwrap().keep_releases, 7);
    let names: Vec<String> = manifest::environments(project.root()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["eu", "test"]);
}

#[test]
fn a_missing_layer_is_named_with_those_that_there_are() {
    let project = Project::of("").with("environments/staging.yml", "").with("environments/base.yml", "");
    let cases = [
        ("prod ", "there is no environment `prod ` (there are: staging, test)"),
        ("Test", "there is no environment `Test` (did you mean `test`? There are: staging, test)"),
        ("../test", "there is no environment `../test` (did you mean `test`? There are: staging, test)"),
        ("/etc/passwd", "there is no environment `/etc/passwd` (there are: staging, test)"),
        ("base", "there is no environment `base` (`base` is the layer below every environment)"),
        ("test", "the manifest of `test` is empty (write it into environments/test.yml)"),
    ];
    for (name, expected) in cases {
        assert_eq!(project.problems_of(name, &[]), expected);
    }
    let none = "there is no environment `test` (ROOT holds no environment; write one as environments/<name>.yml)";
    assert_eq!(Project::new().problems(), none);
}

#[test]
fn extends_names_another_layer_and_ends() {
    let cases = [
        ("extends: test\n", "1:10: `extends` goes in a circle: test → test"),
        ("extends: a\n", "environments/b.yml:1:10: `extends` goes in a circle: test → a → b → test"),
        ("extends: bse\n", "1:10: there is no environments/bse.yml (did you mean `base`?)"),
        ("extends: ../x\n", "1:10: `extends` takes the name of another layer, found `../x`"),
        ("extends: [{}]\n", "1:11: `extends` takes the name of another layer, found a map"),
        ("extends: [base, nn]\n", "1:17: there is no environments/nn.yml (use one of `a`, `b`, `test`, `base`)"),
    ];
    for (manifest, expected) in cases {
        let project = Project::of(manifest)
            .with("environments/base.yml", "")
            .with("environments/a.yml", "extends: b\n")
            .with("environments/b.yml", "extends: test\n");
        assert_eq!(project.problems(), expected);
    }
}

#[test]
fn an_override_is_a_layer_with_places_of_its_own() {
    let project = Project::of(&with_top_keys(""));
    let example = "(write `--set services.web.image=shop/web:2`)";
    let cases = [
        ("a", format!("--set:1:1: expected `key.path=value` {example}")),
        ("=1", format!("--set:1:1: a key of the path is empty {example}")),
        ("a..b=1", format!("--set:1:1: a key of the path is empty {example}")),
        ("project=x y", "--set:1:9: `x y` is not the name of a project: must be 1 to 63 of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or digit".to_owned()),
        ("services.web.prot=1", "--set:1:14: unknown key `prot` (did you mean `ports`?)".to_owned()),
        ("services.web.init=[1", "--set:1:21: not YAML: while parsing a flow sequence, expected ',' or ']'".to_owned()),
        ("services.web.ports=[\"x\"]", "--set:1:21: `x` is not a port (write `80`, `8080:80`, `127.0.0.1:8080:80`, `53:53/udp` or `8000-8009:9000-9009`; ports are 1 to 65535)".to_owned()),
        ("services.web=1", "--set:1:14: expected a map, found `1`".to_owned()),
        ("project=!foo x", "--set:1:9: the tag `!foo` is not supported (only `!reset` and `!override` are)".to_owned()),
    ];
    for (argument, expected) in cases {
        assert_eq!(project.problems_of("test", &[argument]), expected, "{argument}");
    }
    let overrides =
        ["services.web.labels.\"com.example\"=a: b # c", "services.web.environment={A: 1}", "services.web.user=0"];
    let service = &project.load("test", &overrides).unwrap().services[0];
    assert_eq!(service.runtime.labels["com.example"], "a: b # c");
    assert_eq!(service.runtime.environment["A"], "1");
    assert_eq!(service.runtime.user.as_deref(), Some("0"));
}

/// However odd a text is, the comment stands behind it and not behind its neighbour.
#[test]
fn comments_stay_beside_odd_texts() {
    let texts = [
        r#""a\nb""#,
        r#""a\n\n""#,
        r#""\n a\n  b\n""#,
        r#""\r""#,
        r#""\t# x""#,
        r#""\u2028x""#,
        r#""\N""#,
        r#""""#,
        r#"" ""#,
        r#""- a: b""#,
        "~",
        "{}",
        "[]",
        r#""\0\e""#,
        "'it''s'",
        "é🚢",
    ];
    let long = format!("\"{} {}\"", "word ".repeat(60), "x".repeat(300));
    let items =
        texts.iter().copied().chain([long.as_str()]).map(|text| format!("  - {text}\n")).collect::<Vec<_>>().concat();
    let project = Project::of(&format!("x-texts:\n{items}"));
    let shown = manifest::read(project.root(), "test", &Overrides::default()).unwrap().show(false);
    let commented: Vec<(&str, &str)> =
        shown.lines().filter_map(|line| line.rsplit_once("# environments/test.yml:")).collect();
    let lines: Vec<usize> = commented.iter().map(|(_, line)| line.parse().unwrap()).collect();
    assert_eq!(lines, (2..texts.len() + 3).collect::<Vec<_>>(), "{shown}");
    assert!(commented.iter().all(|(line, _)| line.trim_start().starts_with('-')), "{shown}");
}

#[test]
fn any_number_of_layers_lie_above_each_other_each_once() {
    let project = Project::of("extends: [eu, blue]\nkeep_releases: 9\n")
        .with(
            "environments/base.yml",
            "project: shop\nkeep_releases: 1\nservices: { web: { image: a, health: none, labels: [l=base] } }",
        )
        .with(
            "environments/eu.yml",
            "hosts: { eu1: { ssh: eu1 } }\nservices: { web: { image: eu, labels: [l=eu], ports: ['80'] } }",
        )
        .with("environments/blue.yml", "services: { web: { image: blue, ports: ['81'] } }");
    let environment = project.sound();
    let web = &environment.services[0];
    assert_eq!((environment.keep_releases, web.image.as_str()), (9, "blue"));
    // Read twice, `base` would lie above `eu`.
    assert_eq!(web.runtime.labels["l"], "eu");
    assert_eq!(web.runtime.ports.iter().map(|port| port.container_port).collect::<Vec<_>>(), [80, 81]);
}

#[test]
fn a_file_of_the_operators_lies_above_the_layers_and_below_what_is_set() {
    let project = Project::of(&with_top_keys("keep_releases: 1"));
    let elsewhere = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = elsewhere.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let load = |files: Vec<std::path::PathBuf>, set: &[&str]| {
        let set = set.iter().map(|&text| text.to_owned()).collect();
        manifest::load(project.root(), "test", &Overrides { files, set })
    };
    let (one, two) = (file("one.yml", "keep_releases: 2"), file("two.yml", "keep_releases: 3"));
    assert_eq!(load(vec![one.clone()], &[]).unwrap().keep_releases, 2);
    assert_eq!(load(vec![one.clone(), two], &[]).unwrap().keep_releases, 3);
    assert_eq!(load(vec![one], &["keep_releases=4"]).unwrap().keep_releases, 4);
    let bad = file("bad.yml", "extends: base\nkeep_release: 2\n");
    let problems = load(vec![bad.clone(), elsewhere.path().join("none.yml")], &[]).unwrap_err().to_string();
    let expected = format!("{}:1:1: a file that is put above an environment extends nothing", bad.display());
    assert!(problems.contains(&expected) && problems.contains("none.yml: No such file"), "{problems}");
}
