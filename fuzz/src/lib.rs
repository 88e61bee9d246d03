//! What holds for any input at all, one function for each place where text of others comes in. `fuzz_targets/` lets
//! libFuzzer look for inputs, `tests/it/fuzz.rs` plays the corpus and changes of it.
//!
//! Each panics where its property does not hold.

use std::fs;
use std::path::Path;

use shipctl::environment::Environment;
use shipctl::fleet::{Endpoint, SshDestination};
use shipctl::image::reference::ImageName;
use shipctl::manifest::{self, Diagnostic, Diagnostics, Overrides};
use shipctl::template::{self, Process};
use tempfile::TempDir;

/// Splits the layers of an input of [`manifest()`].
const LAYER: &str = "\n# over\n";

/// Splits an input of [`template()`] into the template and one that it may include.
const PART: &str = "\n{# part.j2 #}\n";

/// No file of a project, and no rendered one, is larger.
const MAX_FILE: usize = 1 << 20;

/// Bytes of an image's name with its registry.
const MAX_NAME: usize = 255;

thread_local! {
    static PROJECT: TempDir = project();
    static ENVIRONMENT: Environment = PROJECT.with(|project| sound(project.path()));
}

/// A project with what the corpus refers to.
fn project() -> TempDir {
    let project = tempfile::tempdir().expect("a directory");
    for (path, text) in [
        ("templates/app.conf.j2", "x\n"),
        ("certs/ca.pem", ""),
        ("web.env", "A=1\nB=\"${A} ${C:-x}\"\n"),
        ("common.yml", "services: { base: { image: shop/base, health: none, ports: ['80'] } }\n"),
    ] {
        write(project.path(), path, text);
    }
    project
}

/// An environment whose service has the template `templates/app.conf.j2` as its config.
fn sound(root: &Path) -> Environment {
    let manifest = "project: shop
hosts:
  h1: { docker: unix:///var/run/docker.sock, role: web, labels: { zone: a, tier: web } }
  h2: { ssh: deploy@h2, labels: { zone: b } }
configs: { app: { template: templates/app.conf.j2, variables: { level: info, odd: \"it's {{ 1 }}\\n\" } } }
services:
  web:
    image: shop/web
    health: none
    ports: ['8080:80', '53/udp']
    environment: { LEVEL: info, EMPTY: '' }
    configs: [app]
";
    write(root, "environments/sound.yml", manifest);
    manifest::load(root, "sound", &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("a file");
}

/// The layers of an environment, the lower one before a line `# over`: what is wrong is said at a place in one of them, and
/// what is sound can be shown as one manifest that means the same.
pub fn manifest(input: &[u8]) {
    PROJECT.with(|project| {
        let root = project.path();
        let (base, over) = split(input, LAYER);
        write(root, "environments/base.yml", if over.is_some() { base } else { b"" });
        write(root, "environments/test.yml", over.unwrap_or(base));
        let environment = match manifest::load(root, "test", &Overrides::default()) {
            Ok(environment) => environment,
            Err(problems) => return assert_fit(&problems, root),
        };
        let merged = manifest::read(root, "test", &Overrides::default()).expect("what is sound can be read");
        let shown = merged.show(false);
        // Line ends of YAML 1.1, which what writes YAML still takes them for, and what reads it does not.
        if shown.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
            return;
        }
        // Aliases can make what they stand for longer than a file may be.
        if shown.len() >= MAX_FILE || shown.lines().count() > 50_000 {
            return;
        }
        write(root, "environments/base.yml", "");
        write(root, "environments/test.yml", &shown);
        match manifest::load(root, "test", &Overrides::default()) {
            Ok(again) => assert_eq!(format!("{environment:#?}"), format!("{again:#?}"), "it is shown as\n{shown}"),
            Err(problems) => panic!("it is shown as\n{shown}\nwhich is refused:\n{problems}"),
        }
    });
}

/// An address: what is taken is shown as it was written, and holds nothing that `ssh` or a shell would act on.
pub fn host(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(destination) = text.parse::<SshDestination>() {
        assert_eq!(destination.to_string(), text);
        for part in [Some(&destination.host), destination.user.as_ref()].into_iter().flatten() {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
            assert!(!part.is_empty() && !part.starts_with('-') && part.chars().all(plain), "{part:?}");
        }
        assert_ne!(destination.port, Some(0));
    }
    if let Ok(endpoint) = text.parse::<Endpoint>() {
        assert_eq!(endpoint.to_string(), text);
        assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// An image reference: what is taken is shown as it was written, and its complete form is a reference that is complete already.
pub fn image(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(name) = text.parse::<ImageName>() else { return };
    let digest = name.digest().map(|digest| format!("@{digest}")).unwrap_or_default();
    assert_eq!(name.label(name.tag()) + &digest, text);
    for registry in [None, Some("registry.internal:5000")] {
        let complete = name.clone().locate(registry);
        // A name may be so long that it only fits without the environment's registry.
        if registry.is_some() && complete.repository().len() > MAX_NAME {
            continue;
        }
        let again = complete.to_string().parse::<ImageName>().unwrap_or_else(|error| panic!("{complete}: {error}"));
        assert_eq!(again.locate(Some("other.internal")).to_string(), complete.to_string());
        assert_eq!(complete.with_tag("t").repository(), complete.repository());
    }
}

/// A template, before a line `{# part.j2 #}`, and one that it may include: it renders the same again and no more than a file
/// may hold, or what is wrong is said at a place in one of them.
pub fn template(input: &[u8]) {
    ENVIRONMENT.with(|environment| {
        let root = &environment.root;
        let (main, part) = split(input, PART);
        write(root, "templates/app.conf.j2", main);
        write(root, "templates/part.j2", part.unwrap_or_default());
        let service = &environment.services[0];
        let render = || {
            let host = environment.hosts.values().next().expect("a host");
            template::render(environment, host, service, Process::This)
        };
        let first = render();
        match (&first, render()) {
            (Ok(files), Ok(again)) => {
                assert!(files[0].bytes().len() <= MAX_FILE);
                assert_eq!(files[0].bytes(), again[0].bytes());
            }
            (Err(problems), Err(again)) => {
                assert_eq!(*problems, again);
                assert_fit(problems, root);
            }
            (first, again) => panic!("once {first:?}, then {again:?}"),
        }
    });
}

/// What comes before and after the first line of this kind.
fn split<'i>(input: &'i [u8], line: &str) -> (&'i [u8], Option<&'i [u8]>) {
    match input.windows(line.len()).position(|window| window == line.as_bytes()) {
        Some(at) => (&input[..at], Some(&input[at + line.len()..])),
        None => (input, None),
    }
}

/// Diagnostics can be shown: none acts on a terminal, all of them are drawn, and each is placed.
pub fn assert_fit(problems: &Diagnostics, root: &Path) {
    let drawn = problems.render(false);
    assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
    for problem in problems {
        assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
        if let Some(file) = &problem.file
            && let Ok(text) = fs::read_to_string(root.join(file))
        {
            assert_placed(problem, &text);
        }
    }
}

/// A place lies in its file, and its line and column are those of its bytes.
pub fn assert_placed(problem: &Diagnostic, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    assert!(text.get(problem.span.clone()).is_some(), "{problem:?} is not in the file");
    let before = &text[..problem.span.start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let place = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
    assert_eq!((problem.line, problem.column), place, "{problem:?}");
}
