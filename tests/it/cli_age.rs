//! Secrets in encrypted files: from an identity to a manifest that uses them, and what is never shown or left behind.

use std::fs;

use crate::age_support::{Desk, FILE, VALUE, finished};

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
    desk.run("ann", "plan prod")
        .refused(2, &["there is no file secrets/prod.age.yml", "shipctl secrets set ENV NAME makes it"]);
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
