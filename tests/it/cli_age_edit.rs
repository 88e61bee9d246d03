//! Encrypted secrets in an editor: what it gets, and what is left when it fails.

use crate::age_support::{Desk, VALUE};

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
