//! Operators and their project on disk, for tests of encrypted secrets.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

pub(crate) const VALUE: &str = "hunter2-is-no-secret";
pub(crate) const FILE: &str = "secrets/prod.age.yml";

/// A project and the homes of its operators, all in one folder that can be searched for what must not be in it.
pub(crate) struct Desk(TempDir);

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    /// The manifest uses `db_password`; these are its recipients.
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a directory"));
        for folder in ["project/environments", "runtime", "tmp", "ann", "bob"] {
            fs::create_dir_all(desk.path(folder)).expect("a directory");
        }
        desk.recipients(&[]);
        desk
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn recipients(&self, recipients: &[&str]) {
        let manifest = format!(
            "project: shop
hosts: {{ one: {{ docker: \"unix:///nonexistent/docker.sock\" }} }}
age: {{ recipients: [{}] }}
secrets:
  db_password: {{ age: {FILE} }}
  api_key: {{ age: {FILE}, key: API_KEY }}
  token: {{ environment: TOKEN }}
services: {{ web: {{ image: shop/web, health: none, secrets: [db_password] }} }}
",
            recipients.join(", ")
        );
        fs::write(self.path("project/environments/prod.yml"), manifest).expect("a file");
    }

    pub(crate) fn command(&self, program: &Path, who: &str) -> Command {
        let mut command = Command::new(program);
        for variable in ["SHIPCTL_AGE_KEY", "SHIPCTL_AGE_KEY_FILE", "XDG_CONFIG_HOME", "VISUAL", "EDITOR", "CI", "TERM"]
        {
            command.env_remove(variable);
        }
        command.current_dir(self.path("project")).env("HOME", self.path(who)).env("TOKEN", "from-here");
        command.env("XDG_RUNTIME_DIR", self.path("runtime")).env("TMPDIR", self.path("tmp"));
        command
    }

    pub(crate) fn shipctl(&self, who: &str, arguments: &str) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_shipctl")), who);
        command.args(arguments.split(' '));
        command
    }

    pub(crate) fn run(&self, who: &str, arguments: &str) -> Run {
        finished(self.shipctl(who, arguments))
    }

    pub(crate) fn set(&self, who: &str, name: &str, value: &str) -> Run {
        let mut command = self.shipctl(who, &format!("secrets set prod {name}"));
        command.write_stdin(format!("{value}\n"));
        finished(command)
    }

    /// `secrets edit` on a terminal, with a shell script as the editor.
    pub(crate) fn edit(&self, who: &str, script: &str) -> Run {
        let editor = self.path("editor");
        fs::write(&editor, format!("set -eu\n{script}\n")).expect("a file");
        let mut command = self.command(Path::new("script"), who);
        let shipctl = env!("CARGO_BIN_EXE_shipctl");
        command.args(["-qec", &format!("'{shipctl}' secrets edit prod"), "/dev/null"]);
        finished({
            command.env("EDITOR", format!("sh '{}'", editor.display()));
            command
        })
    }

    /// Makes an identity, and says which recipient it is.
    pub(crate) fn init(&self, who: &str) -> String {
        let run = self.run(who, "secrets init --format json");
        let value: serde_json::Value = serde_json::from_str(&run.stdout).expect("an object");
        assert_eq!((run.code, &value["identity"]["new"]), (0, &true.into()), "{}{}", run.stdout, run.stderr);
        value["identity"]["recipients"][0].as_str().expect("a recipient").to_owned()
    }

    /// Ann can read the secrets, and one is set.
    pub(crate) fn with_a_secret() -> Self {
        let desk = Self::new();
        let ann = desk.init("ann");
        desk.recipients(&[&ann]);
        let run = desk.set("ann", "db_password", VALUE);
        assert_eq!(run.code, 0, "{}", run.stderr);
        desk
    }

    pub(crate) fn sealed(&self) -> String {
        fs::read_to_string(self.path("project").join(FILE)).expect("an encrypted file")
    }

    /// No file anywhere holds the value, and the editor's folder is gone.
    pub(crate) fn assert_nothing_is_left(&self) {
        fn search(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => search(&path, found),
                    false if path.file_name().is_some_and(|name| name == "editor") => {}
                    false => {
                        let bytes = fs::read(&path).expect("a file");
                        let text = String::from_utf8_lossy(&bytes);
                        if text.contains(VALUE) || text.contains("changed-in-the-editor") {
                            found.push(path);
                        }
                    }
                }
            }
        }
        let mut found = Vec::new();
        search(self.0.path(), &mut found);
        for folder in ["runtime", "tmp"] {
            found.extend(
                fs::read_dir(self.path(folder)).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
        }
        assert_eq!(found, Vec::<PathBuf>::new());
    }
}

pub(crate) fn finished(mut command: Command) -> Run {
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Run {
    /// It failed like this, and told nothing.
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        let text = format!("{}{}", self.stdout, self.stderr);
        // Long lines are wrapped, also within words.
        let bare = |text: &str| text.split(|c: char| c.is_whitespace() || c == '│').collect::<String>();
        for word in words {
            assert!(bare(&text).contains(&bare(word)), "`{word}` is not in: {text}");
        }
        for told in [VALUE, "changed-in-the-editor", "AGE-SECRET-KEY-1Q", "hunter2"] {
            assert!(!text.contains(told), "{text}");
        }
    }
}
