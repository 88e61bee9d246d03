//! One bad input, the way it goes in, and what is to hold whatever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use shipctl::environment::Secret;
use shipctl::manifest::{Diagnostic, Diagnostics};
use shipctl::template::{self, Process};

use crate::fuzz::assert_placed;
use crate::manifest_support::Project;

/// An input that is to be refused.
pub(crate) struct Case {
    name: &'static str,
    /// What the catalogue shows of it.
    input: String,
    project: Project,
    environment: &'static str,
    set: Vec<String>,
}

impl Case {
    /// The manifest, whole.
    pub(crate) fn manifest(name: &'static str, text: impl AsRef<[u8]>) -> Self {
        let input = excerpt(text.as_ref());
        let project = Project::new();
        let engine = project.root().join("engine.sock").display().to_string();
        let text = match std::str::from_utf8(text.as_ref()) {
            Ok(text) => text.replace("ENGINE", &engine).into_bytes(),
            Err(_) => text.as_ref().to_vec(),
        };
        let project = project.with("environments/test.yml", text);
        Self { name, input, project, environment: "test", set: Vec::new() }
    }

    /// Keys at the top of a manifest that is sound otherwise.
    pub(crate) fn top(name: &'static str, keys: &str) -> Self {
        Self::within(name, keys, &format!("{PROJECT}{HOSTS}{SERVICES}{keys}\n"))
    }

    /// Hosts, in place of the one that there is.
    pub(crate) fn hosts(name: &'static str, hosts: &str) -> Self {
        Self::within(name, hosts, &format!("{PROJECT}{SERVICES}hosts: {{ {hosts} }}\n"))
    }

    /// Keys of the service, besides its image and its gate.
    pub(crate) fn service(name: &'static str, keys: &str) -> Self {
        let indented = keys.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
        let service = "services:\n  web:\n    image: shop/web\n    health: none\n";
        Self::within(name, keys, &format!("{PROJECT}{HOSTS}{DECLARED}{service}{indented}"))
    }

    /// A service that is nothing but these keys.
    pub(crate) fn bare_service(name: &'static str, keys: &str) -> Self {
        Self::within(name, keys, &format!("{PROJECT}{HOSTS}{DECLARED}services: {{ web: {{ {keys} }} }}\n"))
    }

    /// An environment that is asked for, of a project with `staging` and `test`.
    pub(crate) fn environment(name: &'static str, environment: &'static str) -> Self {
        let sound = format!("{PROJECT}{HOSTS}{SERVICES}");
        let case = Self::manifest(name, &sound).with("environments/staging.yml", "");
        Self { input: excerpt(environment.as_bytes()), environment, ..case }
    }

    /// A `--set` over a manifest that is sound.
    pub(crate) fn set(name: &'static str, argument: &str) -> Self {
        let case = Self::within(name, argument, &format!("{PROJECT}{HOSTS}{SERVICES}"));
        Self { set: vec![argument.to_owned()], input: format!("--set {}", excerpt(argument.as_bytes())), ..case }
    }

    /// The template of the service's one config.
    pub(crate) fn template(name: &'static str, text: impl AsRef<[u8]>) -> Self {
        let service = "services: { web: { image: shop/web, health: none, configs: [app], secrets: [token] } }\n";
        let manifest = format!("{PROJECT}{HOSTS}{DECLARED}{service}");
        let Self { project, .. } = Self::manifest(name, &manifest);
        let project = project.with("templates/app.conf.j2", text.as_ref());
        Self { name, input: excerpt(text.as_ref()), project, environment: "test", set: Vec::new() }
    }

    fn within(name: &'static str, input: &str, manifest: &str) -> Self {
        Self { input: excerpt(input.as_bytes()), ..Self::manifest(name, manifest) }
    }

    /// Another file of the project. A name that begins the text of the catalogue says which one.
    pub(crate) fn with(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let _ = write!(self.input, "\n[{path}] {}", excerpt(text.as_ref()));
        self.project = self.project.with(path, text);
        self
    }

    /// A `--set` beside it.
    pub(crate) fn and_set(mut self, argument: &str) -> Self {
        let _ = write!(self.input, "\n--set {argument}");
        self.set.push(argument.to_owned());
        self
    }

    /// Something about the project that no text shows.
    pub(crate) fn prepared(mut self, what: &str, prepare: impl FnOnce(&Path)) -> Self {
        let _ = write!(self.input, "\n[{what}]");
        prepare(self.project.root());
        self
    }

    /// What is wrong.
    fn problems(&self) -> Diagnostics {
        let program = assert_cmd::cargo::cargo_bin("shipctl");
        let set: Vec<&str> = self.set.iter().map(String::as_str).collect();
        let rendered = self.project.load_unchecked(self.environment, &set).and_then(|environment| {
            let secret = |name: &shipctl::name::SecretName| (name.clone(), Secret::new("hunter2".to_owned()));
            let secrets: BTreeMap<_, _> = environment.secrets.keys().map(secret).collect();
            template::render_all(&environment, &secrets, Process::Own(&program))
        });
        match rendered {
            Ok(_) => panic!("{}: is accepted", self.name),
            Err(problems) => problems,
        }
    }

    /// A place is one in the file, its line and column are those of its bytes, and what is said about it is fit to be shown.
    fn assert_placed(&self, problem: &Diagnostic) {
        let shown = problem.to_string();
        assert!(!shown.contains("hunter2") && shown.len() < 1000, "{}: {shown}", self.name);
        assert!(!shown.contains(|c: char| c.is_control()), "{}: {shown:?}", self.name);
        let Some(file) = &problem.file else { return };
        let text = match file.as_str() {
            "--set" => self.set.concat(),
            path => fs::read_to_string(self.project.root().join(path)).expect("the file that is named"),
        };
        assert_placed(problem, &text);
    }

    /// A deploy of it ends with exit code 2, says the same, contacts nobody and writes nothing.
    fn assert_nothing_is_touched(&self, problems: &Diagnostics) {
        let root = self.project.root();
        let engine = UnixListener::bind(root.join("engine.sock")).expect("a socket");
        engine.set_nonblocking(true).expect("a socket that does not wait");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let before = (tree(root), tree(elsewhere.path()));
        let mut command = Command::cargo_bin("shipctl").expect("the program");
        command.current_dir(root).env_clear().env("TOKEN", "hunter2").env("PATH", "/usr/bin:/bin");
        for variable in ["HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR"] {
            command.env(variable, elsewhere.path());
        }
        command.args(["deploy", "--yes", "--format", "json"]);
        for set in &self.set {
            command.args(["--set", set]);
        }
        let output = command.args(["--", self.environment]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{}: {output:?}", self.name);
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        assert_eq!(said["error"]["diagnostics"], serde_json::to_value(problems).expect("JSON"), "{}", self.name);
        let asked = engine.accept().expect_err("nobody is asked");
        assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock, "{}", self.name);
        assert_eq!(before, (tree(root), tree(elsewhere.path())), "{}: something was written", self.name);
        fs::remove_file(root.join("engine.sock")).expect("the socket");
    }
}

const PROJECT: &str = "project: shop\n";
const HOSTS: &str = "hosts: { h1: { docker: \"unix://ENGINE\", labels: { tier: web } } }\n";
const SERVICES: &str = "services: { web: { image: shop/web, health: none } }\n";
const DECLARED: &str = "secrets: { token: { environment: TOKEN } }
configs: { app: { template: templates/app.conf.j2 } }
volumes: { data: }
networks: { back: }
";

/// All cases with what is said about them, for a snapshot.
pub(crate) fn catalogue(cases: Vec<Case>) -> String {
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for case in cases {
        assert!(names.insert(case.name), "two cases are called {}", case.name);
        let problems = case.problems();
        problems.iter().for_each(|problem| case.assert_placed(problem));
        case.assert_nothing_is_touched(&problems);
        let _ = writeln!(text, "# {}\n{}", case.name, case.input);
        for problem in &problems {
            let said = case.project.anonymous(&problem.to_string());
            let _ = writeln!(text, "  => {}", short(&said));
        }
        text.push('\n');
    }
    text
}

/// Without the files' names where there is a place to say.
fn short(said: &str) -> &str {
    let shorter = ["environments/test.yml:", "templates/app.conf.j2:"].iter().find_map(|file| said.strip_prefix(file));
    shorter.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(said)
}

/// Paths and sizes of everything beneath a directory.
fn tree(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let about = entry.metadata().expect("what it is");
        found.push((entry.path(), about.len()));
        if about.is_dir() {
            found.extend(tree(&entry.path()));
        }
    }
    found.sort();
    found
}

/// The beginning of a text, fit for a catalogue.
fn excerpt(bytes: &[u8]) -> String {
    const LINES: usize = 6;
    const COLUMNS: usize = 100;
    let text = String::from_utf8_lossy(bytes);
    let line = |line: &str| {
        let shown: String = line
            .chars()
            .take(COLUMNS)
            .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
            .collect();
        shown + if line.chars().nth(COLUMNS).is_some() { " …" } else { "" }
    };
    let mut shown: Vec<String> = text.split('\n').take(LINES).map(line).collect();
    if text.trim_end().split('\n').nth(LINES).is_some() {
        shown.push("…".to_owned());
    }
    shown.join("\n").trim_end().to_owned()
}
