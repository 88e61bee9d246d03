//! How problems are shown: all at once, with the line and a caret, and as JSON.

use crate::manifest_support::{Project, with_top_keys};

#[test]
fn all_problems_are_shown_at_once_with_their_lines() {
    let base = "project: shop\nservices:\n  web:\n    image: shop/web\n    prot: [80]\n    health: none\n";
    let project = Project::of(
        "hosts:\n  web1: { ssh: deploy@web1, lables: { tier: web } }\nservices:\n  web: { restart: allways }\n",
    )
    .with("environments/base.yml", base);
    let problems = project.load("test", &["services.web.init=maybe"]).unwrap_err();
    let expected = "  × expected true or false, found `maybe`
   ╭─[--set:1:19]
 1 │ services.web.init=maybe
   ·                   ─────
   ╰────

  × unknown key `prot`
   ╭─[environments/base.yml:5:5]
 5 │     prot: [80]
   ·     ────
   ╰────
  help: did you mean `ports`?

  × unknown key `lables`
   ╭─[environments/test.yml:2:29]
 2 │   web1: { ssh: deploy@web1, lables: { tier: web } }
   ·                             ──────
   ╰────
  help: did you mean `labels`?

  × `allways` is not a restart policy
   ╭─[environments/test.yml:4:19]
 4 │   web: { restart: allways }
   ·                   ───────
   ╰────
  help: did you mean `always`?

4 errors; nothing was contacted.
";
    assert_eq!(problems.render(false), expected);
    assert!(problems.render(true).contains("\u{1b}["));
    let json = serde_json::to_value(&problems).unwrap();
    let first = serde_json::json!({
        "file": "--set",
        "line": 1,
        "column": 19,
        "span": { "start": 18, "end": 23 },
        "message": "expected true or false, found `maybe`",
        "help": null,
    });
    assert_eq!((json.as_array().unwrap().len(), &json[0]), (4, &first));
}

/// A manifest may come from anyone; showing what is wrong with it must not act on the terminal.
#[test]
fn nothing_that_is_shown_acts_on_the_terminal() {
    let project = Project::of(&with_top_keys("\"\\e[31m\": 1\n'\u{202e}\u{9b}': 1\nlong: [\"\u{7f}\"]\n"));
    let problems = project.load("test", &[]).unwrap_err();
    let shown = problems.render(false);
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!shown.contains(acts), "{shown:?}");
    assert!(!problems.to_string().contains(acts), "{problems}");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let keys = format!("x-long: {{ {} }}\nhots: {{ {}a: [ }}", "a: b, ".repeat(1000), "");
    let shown = Project::of(&with_top_keys(&keys)).load("test", &[]).unwrap_err().render(false);
    assert!(shown.lines().all(|line| line.chars().count() < 250), "{shown}");
}
