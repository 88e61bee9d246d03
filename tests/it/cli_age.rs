//! Secrets in encrypted files: from an identity to a manifest that uses them, and what is never shown or left behind.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

const VALUE: &str = "hunter2-is-no-secret";
const FILE: &str = "secrets/prod.age.yml";

/// A project and the homes of its operators, all in one folder that can be searched for what must not be in it.
struct Desk(TempDir);

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    /// The manifest uses `db_password`; these are its recipients.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a directory"));
        for folder in ["project/environments", "runtime", "tmp", "ann", "bob"] {
            fs::create_dir_all(desk.path(folder)).expect("a directory");
        }
        desk.recipients(&[]);
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn recipients(&self, recipients: &[&str]) {
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

    fn command(&self, program: &Path, who: &str) -> Command {
        let mut command = Command::new(program);
        for variable in ["SHIPCTL_AGE_KEY", "SHIPCTL_AGE_KEY_FILE", "XDG_CONFIG_HOME", "VISUAL", "EDITOR", "CI", "TERM"]
        {
            command.env_remove(variable);
        }
        command.current_dir(self.path("project")).env("HOME", self.path(who)).env("TOKEN", "from-here");
        command.env("XDG_RUNTIME_DIR", self.path("runtime")).env("TMPDIR", self.path("tmp"));
        command
    }

    fn shipctl(&self, who: &str, arguments: &str) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_shipctl")), who);
        command.args(arguments.split(' '));
        command
    }

    fn run(&self, who: &str, arguments: &str) -> Run {
        finished(self.shipctl(who, arguments))
    }

    fn set(&self, who: &str, name: &str, value: &str) -> Run {
        let mut command = self.shipctl(who, &format!("secrets set prod {name}"));
        command.write_stdin(format!("{value}\n"));
        finished(command)
    }

    /// `secrets edit` on a terminal, with a shell script as the editor.
    fn edit(&self, who: &str, script: &str) -> Run {
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
    fn init(&self, who: &str) -> String {
        let run = self.run(who, "secrets init --format json");
        let value: serde_json::Value = serde_json::from_str(&run.stdout).expect("an object");
        assert_eq!((run.code, &value["identity"]["new"]), (0, &true.into()), "{}{}", run.stdout, run.stderr);
        value["identity"]["recipients"][0].as_str().expect("a recipient").to_owned()
    }

    /// Ann can read the secrets, and one is set.
    fn with_a_secret() -> Self {
        let desk = Self::new();
        let ann = desk.init("ann");
        desk.recipients(&[&ann]);
        let run = desk.set("ann", "db_password", VALUE);
        assert_eq!(run.code, 0, "{}", run.stderr);
        desk
    }

    fn sealed(&self) -> String {
        fs::read_to_string(self.path("project").join(FILE)).expect("an encrypted file")
    }

    /// No file anywhere holds the value, and the editor's folder is gone.
    fn assert_nothing_is_left(&self) {
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

fn finished(mut command: Command) -> Run {
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Run {
    /// It failed like this, and told nothing.
    fn refused(&self, code: i32, words: &[&str]) {
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

#[test]
fn an_identity_is_made_once_and_its_owner_alone_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let first = desk.run("ann", "secrets init prod");
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(
        first.stdout.contains("recipient: age1") && first.stdout.contains("age: { recipients: [age1"),
        "{}",
        first.stdout
    );
    let file = desk.path("ann/.config/shipctl/age.key");
    assert_eq!(fs::metadata(&file).expect("an identity").permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).expect("an identity");
    assert!(!first.stdout.contains("AGE-SECRET-KEY"), "{}", first.stdout);
    desk.run("ann", "secrets init").refused(0, &["shipctl secrets set ENV"]);
    assert_eq!(fs::read_to_string(&file).expect("an identity"), text);
    let bob = desk.init("bob");
    desk.recipients(&[&bob]);
    desk.run("ann", "secrets init prod").refused(0, &["not a recipient of prod", "shipctl secrets rotate prod"]);
    desk.run("bob", "secrets init prod").refused(0, &["It is a recipient of prod"]);
}

#[test]
fn a_secret_is_set_viewed_and_used() {
    let desk = Desk::with_a_secret();
    assert!(desk.sealed().starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{}", desk.sealed());
    assert_eq!(desk.set("ann", "api_key", "two\nlines").code, 0);
    let view = desk.run("ann", "secrets view prod db_password --reveal");
    assert_eq!((view.code, view.stdout), (0, format!("{VALUE}\n")));
    let view = desk.run("ann", "secrets view prod --reveal --format json");
    let values: serde_json::Value = serde_json::from_str(&view.stdout).expect("an object");
    let expected = serde_json::json!({ "api_key": "two\nlines", "db_password": VALUE, "token": "from-here" });
    assert_eq!(values["values"], expected);
    // The host does not answer: with the secret, that is what a plan fails at; it is exit code 1.
    desk.run("ann", "plan prod").refused(1, &["/nonexistent/docker.sock"]);
    let sealed = desk.sealed();
    desk.set("ann", "db_password", VALUE).refused(0, &["it is not written"]);
    assert_eq!(desk.sealed(), sealed);
    desk.assert_nothing_is_left();
}

#[test]
fn a_list_tells_changes_and_no_values() {
    let desk = Desk::with_a_secret();
    assert_eq!(desk.set("ann", "api_key", VALUE).code, 0);
    let fingerprints = || {
        let run = desk.run("ann", "secrets list prod --format json");
        run.refused(0, &[]);
        let value: serde_json::Value = serde_json::from_str(&run.stdout).expect("an object");
        value["secrets"].as_array().expect("rows").iter().map(|row| row["fingerprint"].clone()).collect::<Vec<_>>()
    };
    let before = fingerprints();
    assert_ne!(before[0], before[1], "equal values of two secrets look alike");
    assert_eq!(desk.set("ann", "db_password", "another").code, 0);
    let after = fingerprints();
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
    assert_ne!(before[1], after[1]);
    desk.run("ann", "secrets list prod")
        .refused(0, &["db_password age secrets/prod.age.yml", "token environment TOKEN"]);
    desk.run("bob", "secrets list prod").refused(2, &["db_password has no value: there is no age identity"]);
}

#[test]
fn a_rotation_takes_an_old_identity_out() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with_a_secret();
    let path = desk.path("project").join(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    let bob = desk.init("bob");
    desk.run("bob", "secrets view prod --reveal").refused(2, &["is not encrypted to the identity in", &bob]);
    desk.recipients(&[&bob]);
    desk.run("ann", "secrets rotate prod").refused(0, &["encrypted to 1 recipient", "is not among the recipients"]);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);
    assert_eq!(desk.run("bob", "secrets view prod db_password --reveal").stdout, format!("{VALUE}\n"));
    desk.run("ann", "secrets view prod db_password --reveal").refused(2, &["is not encrypted to the identity in"]);
    desk.run("ann", "plan prod").refused(2, &["the secret `db_password` has no value"]);
    let sealed = desk.sealed();
    desk.run("ann", "secrets rotate prod").refused(2, &["shipctl secrets rotate ENV"]);
    desk.set("ann", "db_password", "hunter2").refused(2, &["is not encrypted to the identity in"]);
    assert_eq!(desk.sealed(), sealed);
    desk.assert_nothing_is_left();
}

#[test]
fn an_editor_gets_the_plain_text_and_leaves_none() {
    let desk = Desk::with_a_secret();
    let script = format!(
        "grep -q {VALUE} \"$1\"
test \"$(stat -c %a \"$1\")\" = 600
test \"$(stat -c %a \"$(dirname \"$1\")\")\" = 700
cp \"$1\" \"$1~\"
echo '# kept
db_password: changed-in-the-editor' > \"$1.new\"
mv \"$1.new\" \"$1\""
    );
    desk.edit("ann", &script).refused(0, &["secrets/prod.age.yml: encrypted to 1 recipient"]);
    assert_eq!(desk.run("ann", "secrets view prod db_password --reveal").stdout, "changed-in-the-editor\n");
    desk.assert_nothing_is_left();
    let sealed = desk.sealed();
    desk.edit("ann", "grep -q '# kept' \"$1\"").refused(0, &["it is not written"]);
    for (script, code, words) in [
        ("echo 'db_password: hunter2' > \"$1\"; exit 3", 1, "failed (exit status: 3)"),
        ("kill -9 $$", 1, "failed (signal: 9"),
        ("rm \"$1\"", 1, "what the editor wrote cannot be read"),
        ("echo 'db_password: [hunter2' > \"$1\"", 2, "is not a map of names to text, each name once: line "),
    ] {
        desk.edit("ann", script)
            .refused(code, &[words, "secrets/prod.age.yml is what it was, and no plain text is left"]);
        assert_eq!(desk.sealed(), sealed, "{script}");
        desk.assert_nothing_is_left();
    }
}

#[test]
fn a_signal_ends_an_edit_but_for_the_editors_own() {
    let desk = Desk::with_a_secret();
    let sealed = desk.sealed();
    desk.edit("ann", "echo 'db_password: hunter2' > \"$1\"; kill -TERM $PPID; sleep 600").refused(6, &["interrupted"]);
    assert_eq!(desk.sealed(), sealed);
    desk.assert_nothing_is_left();
    desk.edit("ann", "kill -INT $PPID; kill -INT $PPID; echo 'db_password: x' > \"$1\"")
        .refused(0, &["encrypted to 1"]);
    assert_eq!(desk.run("ann", "secrets view prod db_password --reveal").stdout, "x\n");
}

#[test]
fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
    let desk = Desk::with_a_secret();
    let script = "echo other > secrets/prod.age.yml; echo 'db_password: hunter2' > \"$1\"";
    desk.edit("ann", script).refused(1, &["was changed by somebody else meanwhile"]);
    assert_eq!(desk.sealed(), "other\n");
}

#[test]
fn nothing_is_edited_or_shown_without_a_terminal() {
    let desk = Desk::with_a_secret();
    desk.run("ann", "secrets edit prod").refused(2, &["there is no terminal here", "shipctl secrets set ENV NAME"]);
    desk.run("ann", "secrets view prod").refused(2, &["add --reveal"]);
    desk.run("ann", "secrets view prod --format json").refused(2, &["add --reveal"]);
}

#[test]
fn an_identity_is_looked_for_in_order() {
    let desk = Desk::with_a_secret();
    let key = desk.path("ann/.config/shipctl/age.key");
    let text = fs::read_to_string(&key).expect("an identity");
    let view = |variable: &str, value: &str| {
        let mut command = desk.shipctl("bob", "secrets view prod db_password --reveal");
        command.env(variable, value);
        finished(command)
    };
    assert_eq!(view("SHIPCTL_AGE_KEY", text.lines().last().expect("a key")).stdout, format!("{VALUE}\n"));
    assert_eq!(view("SHIPCTL_AGE_KEY", &text).code, 0);
    assert_eq!(view("SHIPCTL_AGE_KEY_FILE", &key.display().to_string()).code, 0);
    assert_eq!(view("XDG_CONFIG_HOME", &desk.path("ann/.config").display().to_string()).code, 0);
    let manifest = fs::read_to_string(desk.path("project/environments/prod.yml")).expect("a manifest");
    let named = manifest.replace("age: { recipients", "age: { identity: ~/elsewhere, recipients");
    fs::write(desk.path("project/environments/prod.yml"), named).expect("a file");
    let elsewhere = desk.path("bob/elsewhere").display().to_string();
    let usual = desk.path("bob/.config/shipctl/age.key").display().to_string();
    view("SHIPCTL_AGE_KEY", "").refused(
        2,
        &[
            "SHIPCTL_AGE_KEY (empty)",
            "SHIPCTL_AGE_KEY_FILE (not set)",
            &elsewhere,
            &usual,
            "shipctl secrets init makes one",
        ],
    );
    fs::copy(&key, desk.path("bob/elsewhere")).expect("a copy");
    assert_eq!(view("UNUSED", "").code, 0);
    view("SHIPCTL_AGE_KEY", "hunter2").refused(2, &["SHIPCTL_AGE_KEY holds no age identity", "line 1"]);
    view("SHIPCTL_AGE_KEY_FILE", "/nonexistent/key").refused(2, &["/nonexistent/key cannot be read"]);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let desk = Desk::with_a_secret();
    let path = desk.path("project").join(FILE);
    desk.run("ann", "secrets view prod api_key --reveal").refused(2, &["holds no `API_KEY` (use `db_password`)"]);
    let sealed = desk.sealed();
    let line = sealed.lines().nth(4).expect("a line");
    let swapped: String = line.chars().rev().collect();
    for (contents, words) in [
        (sealed.replace(line, &swapped), "secrets/prod.age.yml is "),
        (format!("db_password: {VALUE}\n"), "secrets/prod.age.yml is not an age file"),
        (sealed[..sealed.len() / 2].to_owned(), "secrets/prod.age.yml is not an age file"),
    ] {
        fs::write(&path, contents).expect("a file");
        desk.run("ann", "plan prod").refused(2, &["the secret `db_password` has no value", words]);
        desk.set("ann", "db_password", "hunter2").refused(2, &[words]);
        desk.run("ann", "secrets rotate prod").refused(2, &[words]);
    }
    fs::remove_file(&path).expect("removed");
    desk.run("ann", "plan prod").refused(2, &["cannot read secrets/prod.age.yml"]);
    desk.set("ann", "db_pasword", "hunter2").refused(2, &["did you mean `db_password`?"]);
    desk.set("ann", "token", "hunter2").refused(2, &["does not come from an encrypted file"]);
    desk.set("ann", "db_password", "").refused(2, &["standard input is empty"]);
    desk.recipients(&[]);
    desk.set("ann", "db_password", "hunter2").refused(2, &["the manifest names no recipients"]);
}

#[test]
fn a_recipient_that_is_none_has_a_place() {
    let desk = Desk::with_a_secret();
    desk.recipients(&["age1nonsense"]);
    desk.run("ann", "config validate prod")
        .refused(2, &["environments/prod.yml:3:21", "`age1nonsense` is not an age recipient"]);
    let text = fs::read_to_string(desk.path("ann/.config/shipctl/age.key")).expect("an identity");
    let key = text.lines().last().expect("a key");
    desk.recipients(&[key]);
    let run = desk.run("ann", "config validate prod");
    run.refused(2, &["environments/prod.yml:3:21: this is an identity, which must stay secret"]);
    assert!(!run.stderr.contains(&key[..24]), "{}", run.stderr);
}
