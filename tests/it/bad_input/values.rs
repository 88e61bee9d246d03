//! Values that a key does not take.

use super::{Case, catalogue};

#[test]
fn names_and_words() {
    let cases = vec![
        Case::top("a key that is unknown", "servise: 1"),
        Case::top("a key of Compose that is not supported", "version: \"3\""),
        Case::top("a number of the manifest's format", "schema: 99"),
        Case::manifest("no project", "hosts: { h: { ssh: h } }\nservices: { web: { image: a, health: none } }\n"),
        Case::manifest(
            "a null",
            "project: ~\nhosts: { h: { ssh: h } }\nservices: { web: { image: a, health: none } }\n",
        ),
        Case::set("a project with a NUL", "project=\"a\\0\""),
        Case::set("a project with an escape", "project=\"a\\e[31m\""),
        Case::set("a project with a line end", "project=\"a\\n\""),
        Case::top("a service in upper case", "roles: {}").and_set("services.My-App={image: a, health: none}"),
        Case::service("two services that differ in case", "restart: always")
            .and_set("services.Web={image: a, health: none}"),
        Case::bare_service("a service without anything", ""),
        Case::service("a port in place of ports", "prot: 80"),
        Case::service("a yes in place of true", "init: yes"),
        Case::service("a true in quotes", "init: \"true\""),
        Case::service("a word that is misspelt", "restart: allways"),
        Case::service("a signal that is none", "stop_signal: SIGTREM"),
        Case::service("a user that is an option", "user: -u"),
    ];
    insta::assert_snapshot!("names_and_words", catalogue(cases));
}

#[test]
fn numbers() {
    let grace = |name, text: &str| Case::service(name, &format!("stop_grace_period: {text}"));
    let memory = |name, text: &str| Case::service(name, &format!("mem_limit: {text}"));
    let share =
        |name, text: &str| Case::service(name, &format!("deploy: {{ update_config: {{ parallelism: {text} }} }}"));
    let cases = vec![
        grace("a duration without a unit", "30"),
        grace("a duration below zero", "-5s"),
        grace("a duration in years", "1y"),
        grace("a duration with a bare end", "5m30"),
        grace("a duration with an exponent", "1e999s"),
        grace("a duration that is no number", ".nan"),
        grace("a duration of two days", "48h"),
        grace("a duration that overflows", "99999999999999999999h"),
        grace("an empty duration", "''"),
        grace("a duration that acts on a terminal", "\"\\e[31m1s\""),
        Case::bare_service("an interval of nothing", "image: a, health: { tcp: { port: 80 }, interval: 0s }"),
        memory("a size below zero", "-1g"),
        memory("a size in units that are none", "1GiX"),
        memory("a size that overflows", "99999999999t"),
        memory("a size with an exponent", "1e3"),
        memory("a size with a comma", "'1,5g'"),
        share("more than all hosts", "101%"),
        share("no host at all", "0%"),
        share("hosts below zero", "-1"),
        Case::top("a number with a leading zero", "keep_releases: 010"),
        Case::top("a number with an exponent", "keep_releases: 1e3"),
        Case::top("a number with a fraction", "keep_releases: 2.0"),
        Case::top("a number of none", "keep_releases: 0"),
        Case::top("a number too large for anything", "keep_releases: 12345678901234567890123"),
        Case::service("more containers than there are", "deploy: { replicas: 100000 }"),
    ];
    insta::assert_snapshot!("numbers", catalogue(cases));
}

#[test]
fn ports_and_paths() {
    let ports = |name, text: &str| Case::service(name, &format!("ports: [{text}]"));
    let path = |name, text: &str| {
        Case::bare_service(name, &format!("image: a, health: {{ http: {{ port: 80, path: {text} }} }}"))
    };
    let cases = vec![
        ports("a port of 0", "'0:80'"),
        ports("a port of 65536", "'65536:80'"),
        ports("a port below zero", "-1"),
        ports("a protocol that is not supported", "80/sctp"),
        ports("a part too many", "'0.0.0.0:80:80:80'"),
        ports("an address that is none", "'1.2.3:80:80'"),
        ports("a port twice", "'80:80', '127.0.0.1:80:81'"),
        Case::service("a port of two services", "ports: ['80:80']")
            .and_set("services.api={image: a, health: none, ports: ['80:80']}"),
        path("a path without a slash", "up"),
        path("a path that ends the request", "\"/a\\r\\nX: y\""),
        path("a path that is an address", "http://evil/"),
        path("a path that names a host", "//evil"),
        path("an empty path", "''"),
        path("a path with a space", "'/a b'"),
    ];
    insta::assert_snapshot!("ports_and_paths", catalogue(cases));
}

#[test]
fn variables_of_containers() {
    let environment = |name, text: &str| Case::service(name, &format!("environment: {text}"));
    let cases = vec![
        environment("a name with an equals sign", "{ \"A=B\": x }"),
        environment("a name that begins with a digit", "{ 1X: x }"),
        environment("an empty name", "{ '': x }"),
        environment("a name with a space", "['A B=x']"),
        environment("a name twice", "[A=1, A=2]"),
        environment("a value that is a list", "{ A: [1] }"),
        environment("a value with a NUL", "{ A: \"a\\0b\" }"),
        environment("a value of 200 KB", &format!("{{ A: {} }}", "x".repeat(200_000))),
        environment("neither a map nor a list", "text"),
        ["a.env", "b.env", "c.env"].iter().fold(
            Case::service(
                "values of more than a program can be started with",
                "environment: {}\nenv_file: [a.env, b.env, c.env]",
            ),
            |case, file| {
                let line = |n: usize| format!("{}{n}={}\n", &file[..1], "x".repeat(100_000));
                case.with(file, (0..9).map(line).collect::<Vec<_>>().concat())
            },
        ),
        Case::service("a label of ours", "labels: { shipctl.release: x }"),
    ];
    insta::assert_snapshot!("variables_of_containers", catalogue(cases));
}

#[test]
fn images() {
    let image = |name, text: &str| Case::bare_service(name, &format!("image: {text}, health: none"));
    let digest = "0123456789abcdef".repeat(4);
    let cases = vec![
        image("an empty image", "''"),
        image("an image in upper case", "shop/Web"),
        image("an image above", "../web"),
        image("an image with its scheme", "https://registry/web"),
        image("a digest that is short", "web@sha256:12"),
        image("a digest of another algorithm", &format!("web@md5:{digest}")),
        image("a tag of 129 letters", &format!("web:{}", "t".repeat(129))),
        image("an empty tag", "'web:'"),
        image("a tag that is an option", "'web:-v'"),
        image("a name of 256 letters", &"w".repeat(256)),
        image("an image that is an option", "-web"),
        image("an image with a space", "'web v1'"),
        image("an image with an escape", "\"web\\e\""),
        image("an image in another alphabet", "wéb"),
        Case::bare_service("no image", "health: none"),
        Case::top("a mirror without its scheme", "images: { mirrors: [mirror.internal] }"),
        Case::top("a mirror with a path", "images: { mirrors: [\"https://mirror.internal/hub\"] }"),
        Case::top("a mirror twice", "images: { mirrors: [\"https://a\", \"http://A/\"] }"),
        Case::top("a mirror with a login", "images: { mirrors: [\"https://ann:hunter2@mirror.internal\"] }"),
        Case::top(
            "a mirror that is the registry without its TLS",
            "registry: { host: \"a:5000\" }\nimages: { mirrors: [\"http://a:5000\"] }",
        ),
        Case::top("a mirror that is no list", "images: { mirrors: \"https://a\" }"),
    ];
    insta::assert_snapshot!("images", catalogue(cases));
}
