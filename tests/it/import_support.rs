//! Fixtures of other tools, imported as an operator does it, and what is planned of the result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use shipctl::container::PinnedImage;
use shipctl::environment::{Environment, Secret};
use shipctl::fleet::key::FingerprintKey;
use shipctl::fleet::observed::{EngineFacts, HostView, Observed, ObservedHost};
use shipctl::fleet::select::Selection;
use shipctl::plan::{check, planner};
use shipctl::release::Release;
use shipctl::{manifest, template};
use tempfile::TempDir;

/// A copy of a fixture, in a folder of the fixture's name.
pub(crate) struct Fixture {
    _parent: TempDir,
    root: PathBuf,
}

impl Fixture {
    pub(crate) fn new(name: &str) -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let root = parent.path().join(name);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/import").join(name);
        copy(&from, &root);
        Self { _parent: parent, root }
    }

    /// A folder that holds these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let root = parent.path().join("shop");
        fs::create_dir(&root).expect("a directory");
        let fixture = Self { _parent: parent, root };
        for (path, text) in files {
            fixture.write(path, text);
        }
        fixture
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Runs the program in the folder.
    pub(crate) fn shipctl(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("shipctl").expect("the program");
        command.current_dir(&self.root).args(arguments).env_remove("CI").env("COLUMNS", "100");
        let output = command.output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// What an import says; it must be done.
    pub(crate) fn import(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = ["import"].iter().chain(arguments).copied().collect();
        let (code, stdout, stderr) = self.shipctl(&arguments);
        assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
        stdout
    }

    /// The environment as `deploy` reads it.
    pub(crate) fn environment(&self, name: &str) -> Environment {
        manifest::load(&self.root, name, &manifest::Overrides::default())
            .unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a file");
        }
    }
}

/// The first deployment of an environment to hosts that have nothing on them, a line per change.
pub(crate) fn first_plan(environment: &Environment) -> String {
    let secret = |name: &shipctl::name::SecretName| (name.clone(), Secret::new("example".to_owned()));
    let secrets: BTreeMap<_, _> = environment.secrets.keys().map(secret).collect();
    let files = template::render_all(environment, &secrets, shipctl::template::Process::This)
        .unwrap_or_else(|error| panic!("{}", error.render(false)));
    let image = |image: &str| PinnedImage::Registry {
        repository: image.to_owned(),
        digest: format!("sha256:{}", "a".repeat(64)),
        tag: image.to_owned(),
        platform: None,
    };
    let images = environment.services.values().map(|service| (service.name.clone(), image(&service.image)));
    let release = Release::assemble(environment, images.collect(), &files, Some(&FingerprintKey::generate()));
    let external = |name: &String, external: bool| external.then(|| name.clone());
    let networks = environment.networks.values().filter_map(|network| external(&network.name, network.external));
    let volumes = environment.volumes.values().filter_map(|volume| external(&volume.name, volume.external));
    let seen = ObservedHost {
        engine: EngineFacts::default(),
        containers: Vec::new(),
        jobs: Vec::new(),
        foreign_ports: BTreeMap::new(),
        networks: networks.collect(),
        volumes: volumes.collect(),
        ledger: shipctl::fleet::ledger::Ledger::default(),
        key: None,
    };
    let hosts = environment.hosts.keys().enumerate().map(|(number, name)| {
        // Two hosts with one engine would be one machine.
        let engine = EngineFacts { id: number.to_string(), ..EngineFacts::default() };
        (name.clone(), HostView::Seen(Box::new(ObservedHost { engine, ..seen.clone() })))
    });
    let observed = Observed { hosts: hosts.collect(), ..Observed::default() };
    let plan = planner::deploy(environment, &observed, &Selection::default(), &release).expect("a plan");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    let replacements = plan.replacements().map(|it| format!("{} on {}", it.service, it.host));
    replacements.collect::<Vec<_>>().join("\n")
}
