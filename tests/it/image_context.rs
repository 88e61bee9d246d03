//! What of a directory is sent to the builder, and how.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use shipctl::image::context::{Context, ContextError};
use tempfile::TempDir;

fn project(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn scan(root: &TempDir) -> Result<Context, ContextError> {
    Context::scan(root.path(), Path::new("app"), "Dockerfile")
}

/// Name → contents of a file, target of a link, or `/` for a directory; in the archive's order.
fn sent(context: &Context) -> Vec<(String, String)> {
    let mut bytes = Vec::new();
    context.write(&mut bytes).unwrap();
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        match entry.header().entry_type() {
            tar::EntryType::Directory => text.push('/'),
            tar::EntryType::Symlink => text.push_str(entry.link_name().unwrap().unwrap().to_str().unwrap()),
            _ => drop(entry.read_to_string(&mut text).unwrap()),
        }
        (name.trim_end_matches('/').to_owned(), text)
    };
    tar::Archive::new(bytes.as_slice()).entries().unwrap().map(read).collect()
}

fn names(context: &Context) -> Vec<String> {
    sent(context).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn files_directories_and_links_are_sent_in_order_and_links_stay_links() {
    let root = project(&[("app/Dockerfile", "FROM scratch"), ("app/b/file", "b"), ("secret", "not for the builder")]);
    symlink("../../secret", root.path().join("app/b/link")).unwrap();
    symlink("nowhere", root.path().join("app/dangling")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(root.path().join("app/socket")).unwrap();
    let context = scan(&root).unwrap();
    drop(socket);
    let expected = [
        ("Dockerfile", "FROM scratch"),
        ("b", "/"),
        ("b/file", "b"),
        ("b/link", "../../secret"),
        ("dangling", "nowhere"),
    ];
    assert_eq!(sent(&context), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    assert_eq!((context.len(), context.bytes), (5, 13));
}

#[test]
fn owners_are_root_and_modes_are_kept() {
    let root = project(&[("app/Dockerfile", ""), ("app/run", "x")]);
    fs::set_permissions(root.path().join("app/run"), fs::Permissions::from_mode(0o751)).unwrap();
    let mut bytes = Vec::new();
    scan(&root).unwrap().write(&mut bytes).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let entry = archive.entries().unwrap().map(Result::unwrap).find(|entry| entry.path().unwrap() == Path::new("run"));
    let header = entry.unwrap().header().clone();
    assert_eq!((header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0o751, 0, 0));
}

#[test]
fn ignored_files_stay_but_the_dockerfile_always_goes() {
    let files = [("app/Dockerfile", ""), ("app/a/x", ""), ("app/a/keep/y", ""), ("app/b/z", ""), ("app/c", "")];
    for (rules, expected) in [
        ("", vec![".dockerignore", "Dockerfile", "a", "a/keep", "a/keep/y", "a/x", "b", "b/z", "c"]),
        ("*", vec![".dockerignore", "Dockerfile"]),
        ("**\n!a/keep", vec![".dockerignore", "Dockerfile", "a", "a/keep", "a/keep/y"]),
        ("a\n!**/y", vec![".dockerignore", "Dockerfile", "a", "a/keep", "a/keep/y", "b", "b/z", "c"]),
        ("a\nb\n# c", vec![".dockerignore", "Dockerfile", "c"]),
    ] {
        let root = project(&files);
        fs::write(root.path().join("app/.dockerignore"), rules).unwrap();
        assert_eq!(names(&scan(&root).unwrap()), expected, "{rules:?}");
    }
}

#[test]
fn a_dockerfiles_own_ignore_file_comes_first() {
    let root = project(&[
        ("app/.dockerignore", "a"),
        ("app/build/web.Dockerfile", ""),
        ("app/build/web.Dockerfile.dockerignore", "b\nbuild"),
        ("app/a", ""),
        ("app/b", ""),
    ]);
    let context = Context::scan(root.path(), Path::new("app"), "./build/web.Dockerfile").unwrap();
    assert_eq!(names(&context), [".dockerignore", "a", "build", "build/web.Dockerfile"]);
}

#[test]
fn a_context_stays_beneath_the_project_and_has_its_dockerfile() {
    let outside = project(&[("Dockerfile", "")]);
    let root = project(&[("app/file", ""), ("app/sub/Dockerfile", "")]);
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink(outside.path().join("Dockerfile"), root.path().join("app/stolen")).unwrap();
    for context in ["..", "out", "missing", "app/file", outside.path().to_str().unwrap()] {
        let error = Context::scan(root.path(), Path::new(context), "Dockerfile").unwrap_err();
        assert!(matches!(error, ContextError::Outside { .. }), "{context}: {error}");
    }
    for dockerfile in ["Dockerfile", "sub", "../app/sub/Dockerfile", "stolen", ""] {
        let error = Context::scan(root.path(), Path::new("app"), dockerfile).unwrap_err();
        assert!(matches!(error, ContextError::NoDockerfile { .. }), "{dockerfile}: {error}");
    }
    assert!(Context::scan(root.path(), Path::new("app"), "sub/Dockerfile").is_ok());
}

#[test]
fn a_bad_rule_is_named_with_its_file_and_line() {
    let root = project(&[("app/Dockerfile", ""), ("app/.dockerignore", "a\n[\n")]);
    let error = scan(&root).unwrap_err().to_string();
    assert!(error.ends_with("app/.dockerignore: line 2: \"[\" is not a pattern"), "{error}");
}

#[test]
fn a_file_that_changes_while_it_is_sent_does_not_spoil_the_archive() {
    let root = project(&[("app/Dockerfile", "12345"), ("app/z", "after")]);
    let context = scan(&root).unwrap();
    fs::write(root.path().join("app/Dockerfile"), "123456789").unwrap();
    let longer: BTreeMap<_, _> = sent(&context).into_iter().collect();
    assert_eq!((longer["Dockerfile"].as_str(), longer["z"].as_str()), ("12345", "after"));
    fs::write(root.path().join("app/Dockerfile"), "1").unwrap();
    let error = context.write(Vec::new()).unwrap_err().to_string();
    assert!(error.ends_with("app/Dockerfile: the file became shorter while it was read"), "{error}");
}

#[test]
fn a_context_that_is_far_too_large_names_what_fills_it() {
    let root = project(&[("app/Dockerfile", ""), ("app/data/set", "")]);
    // Sparse: takes no space.
    fs::File::create(root.path().join("app/data/set")).unwrap().set_len(3 << 30).unwrap();
    let error = scan(&root).unwrap_err().to_string();
    assert_eq!(error, "the build context is 3072 MiB, of which 3072 MiB are in data; at most 2048 are sent");
}

#[test]
fn the_same_directory_makes_the_same_archive() {
    let root = project(&[("app/Dockerfile", "x"), ("app/a/b/c", "y"), ("app/long", "z")]);
    fs::write(root.path().join("app").join("n".repeat(200)), "long name").unwrap();
    let archive = || {
        let mut bytes = Vec::new();
        scan(&root).unwrap().write(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(archive(), archive());
    assert!(names(&scan(&root).unwrap()).contains(&"n".repeat(200)));
}
