//! `.dockerignore` means what it means to Docker. Most cases are those of Docker's own tests.

use proptest::prelude::*;
use shipctl::image::dockerignore::Ignore;

fn excludes(patterns: &str, path: &str) -> bool {
    Ignore::parse(patterns).unwrap().excludes(path)
}

#[test]
fn one_pattern_covers_what_it_covers_for_docker() {
    for (pattern, path, expected) in [
        ("**", "file", true),
        ("**/", "file", true),
        ("**", "dir/file", true),
        ("**/", "dir/file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "file", true),
        ("**file", "dir/file", true),
        ("**file", "dir/otherfile", true),
        ("**file*", "dir/otherfile", false),
        ("**/file", "dir/dir/file", true),
        ("**/file", "dir/otherfile", false),
        ("**/file*", "dir/dir/file.txt", true),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "dir/dir/file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("**/*.txt", "file.txt", true),
        ("a**/*.txt", "a/file.txt", true),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt", "a/file.txt", true),
        ("a/*.txt**", "a/file.txt", true),
        ("a[b-d]e", "ae", false),
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("abc?def", "abcdef", false),
        ("a\\\\", "a\\", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("**/foo/bar", "dir/dir2/foo/bar", true),
        ("abc/**", "abc", false),
        ("abc/**", "abc/def/ghi", true),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("dist/*.whl", "dist/x-2.4.0+g08.whl", true),
        ("*", "a/b/c", true),
        ("*c", "abc", true),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("a?b", "a☺b", true),
        ("a???b", "a☺b", false),
        ("[a-ζ]*", "α", true),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("[\\]a]", "]", true),
        ("[\\-x]", "-", true),
        // Anchored at the root, like everything else.
        ("node_modules", "node_modules/x/y", true),
        ("node_modules", "web/node_modules/x", false),
        ("/web", "web/a", true),
        ("./web/", "web", true),
        ("a//b/../c", "a/c", true),
        ("web", "website", false),
        ("  padded  ", "padded", true),
    ] {
        assert_eq!(excludes(pattern, path), expected, "{pattern:?} {path:?}");
    }
}

#[test]
fn the_last_rule_that_matches_decides() {
    for (rules, path, expected) in [
        ("*.go\n!fileutils.go", "fileutils.go", false),
        ("!fileutils.go\n*.go", "fileutils.go", true),
        ("docs\n!docs/README.md", "docs/README.md", false),
        ("docs/\n!docs/README.md", "docs/other.md", true),
        ("docs/*\n!docs/README.md", "docs/README.md", false),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true),
        ("*\n! src", "src/deep/main.rs", false),
        ("*\n!/src", "src", false),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true),
        ("*.md\n!README*.md\nREADME-secret.md", "README.md", false),
    ] {
        assert_eq!(excludes(rules, path), expected, "{rules:?} {path:?}");
    }
}

#[test]
fn comments_blank_lines_and_byte_order_marks_are_no_patterns() {
    let rules = "\u{feff}# comment\r\n\r\n   \nkept\r\n";
    assert!(excludes(rules, "kept"));
    assert!(!excludes(rules, "# comment"));
    // Only a `#` in the first column begins a comment.
    assert!(excludes(" #odd", "#odd"));
    assert!(!excludes("", "anything"));
}

#[test]
fn a_line_that_is_no_pattern_is_named() {
    for bad in ["!", "! ", "[", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[^bc", "a\\"] {
        let error = Ignore::parse(&format!("fine\n{bad}")).unwrap_err();
        assert_eq!((error.line, error.pattern.as_str()), (2, bad.trim()));
    }
}

#[test]
fn no_pattern_takes_long() {
    let pattern = "**/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab";
    assert!(!excludes(pattern, &"a".repeat(5000)));
}

proptest! {
    #[test]
    fn nothing_panics(rules in "[a-c*?!#/.\\\\\\[\\]^\\- \n]{0,30}", path in "[a-c/.]{0,20}") {
        if let Ok(ignore) = Ignore::parse(&rules) {
            ignore.excludes(&path);
        }
    }
}
