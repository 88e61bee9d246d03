//! A project on disk for tests of manifests and templates.

use std::fs;
use std::path::Path;

use shipctl::environment::Environment;
use shipctl::manifest::{self, Diagnostics, Overrides};
use tempfile::TempDir;

use crate::schema_support::{is_about_shape, is_readable, objection};

/// A project root; the environment under test is `test`.
pub(crate) struct Project(TempDir);

impl Project {
    /// A project with one template and no environment.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap()).with("templates/app.conf.j2", "x\n")
    }

    /// A project whose environment `test` is this text.
    pub(crate) fn of(manifest: &str) -> Self {
        Self::new().with("environments/test.yml", manifest)
    }

    /// Writes a file.
    pub(crate) fn with(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn load(&self, environment: &str, overrides: &[&str]) -> Result<Environment, Diagnostics> {
        let loaded = self.load_unchecked(environment, overrides);
        if overrides.is_empty() {
            self.check_against_schema(loaded.as_ref().err());
        }
        loaded
    }

    /// The same, where something else looks at what the schema says.
    pub(crate) fn load_unchecked(&self, environment: &str, overrides: &[&str]) -> Result<Environment, Diagnostics> {
        let set = overrides.iter().map(|&text| text.to_owned()).collect();
        manifest::load(self.root(), environment, &Overrides { set, ..Overrides::default() })
    }

    /// The schema has nothing against layers of a sound environment, and something against those in which a value is
    /// not of the right kind.
    fn check_against_schema(&self, problems: Option<&Diagnostics>) {
        for entry in fs::read_dir(self.root().join("environments")).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let name = format!("environments/{}", entry.file_name().to_string_lossy());
            let Ok(layer) = fs::read_to_string(entry.path()) else { continue };
            match problems {
                None if !is_readable(&layer) => {}
                None => {
                    if let Some(objection) = objection(&layer) {
                        panic!("a sound layer is refused by the schema\n{layer}\n{objection}");
                    }
                }
                // What variables stand for is not in the file.
                Some(_) if layer.contains('$') => {}
                Some(problems) => {
                    let mut own = problems.iter().filter(|problem| problem.file.as_deref() == Some(&*name));
                    if let Some(problem) = own.find(|problem| is_about_shape(problem)) {
                        let is_refused = !is_readable(&layer) || objection(&layer).is_some();
                        assert!(is_refused, "the schema has nothing against\n{layer}\n{problem}");
                    }
                }
            }
        }
    }

    /// The environment `test`, which must be sound.
    pub(crate) fn sound(&self) -> Environment {
        self.load("test", &[]).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    }

    /// What is wrong with an environment, a line each.
    pub(crate) fn problems_of(&self, environment: &str, overrides: &[&str]) -> String {
        match self.load(environment, overrides) {
            Ok(_) => String::new(),
            Err(problems) => self.anonymous(&problems.to_string()),
        }
    }

    /// What is wrong with `test`, a line each, as `line:column: …`.
    pub(crate) fn problems(&self) -> String {
        self.problems_of("test", &[]).replace("environments/test.yml:", "")
    }

    /// Without the name of the temporary folder.
    pub(crate) fn anonymous(&self, text: &str) -> String {
        text.replace(&*self.root().to_string_lossy(), "ROOT")
    }
}

/// A manifest whose service `web` has these keys besides its image; they begin on line 12.
pub(crate) fn with_service_keys(keys: &str) -> String {
    let indented = keys.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
    format!(
        "project: shop
hosts:
  h1: {{ docker: unix:///var/run/docker.sock, labels: {{ tier: web }} }}
secrets: {{ token: {{ environment: TOKEN }} }}
configs: {{ app: {{ template: templates/app.conf.j2 }} }}
volumes: {{ data: }}
networks: {{ back: }}
services:
  web:
    image: shop/web:1
    health: none
{indented}"
    )
}

/// A manifest with one service on one host, and these keys at the top; they begin on line 4.
pub(crate) fn with_top_keys(keys: &str) -> String {
    format!(
        "project: shop
hosts: {{ h1: {{ docker: unix:///var/run/docker.sock }} }}
services: {{ web: {{ image: shop/web, health: none }} }}
{keys}"
    )
}

/// A manifest on one host whose service `web` has these keys besides its image, on line 3.
pub(crate) fn with_services(keys: &str) -> String {
    let host = "hosts: { h1: { docker: unix:///var/run/docker.sock } }";
    format!("project: shop\n{host}\nservices: {{ web: {{ image: a, {keys} }} }}\n")
}

/// A manifest with one service and these hosts, on line 3.
pub(crate) fn with_hosts(hosts: &str) -> String {
    format!("project: shop\nservices: {{ web: {{ image: a, health: none }} }}\nhosts: {{ {hosts} }}\n")
}

/// Each manifest has exactly these problems.
pub(crate) fn assert_problems(manifest: fn(&str) -> String, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (keys, expected) in cases {
        let found = Project::of(&manifest(keys)).problems();
        if found != *expected {
            wrong.push(format!("{keys}\n  expected: {expected}\n  found:    {found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
