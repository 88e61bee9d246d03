//! What may be unpacked on the operator's machine. An archive comes from a container, which may hold anything: nothing of it may
//! get out of the place that it is unpacked in, neither by its name nor through a link.

use std::path::{Component, Path, PathBuf};

/// What an entry of an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this.
    Symlink(&'a Path),
    /// Another name of this entry.
    HardLink(&'a Path),
    /// A device, a pipe and the like.
    Other,
}

/// Why an entry is not unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Its name leads out.
    #[error("`{0}` in the archive would be outside of where it is unpacked")]
    Name(String),
    /// It is a link that leads out.
    #[error("`{0}` in the archive is a link to `{1}`, which is outside of where it is unpacked")]
    Link(String, String),
    /// It is no file, directory or link.
    #[error("`{0}` in the archive is a device or a pipe, which is not unpacked")]
    Other(String),
}

/// Where an entry is to be put, beneath where the archive is unpacked.
pub fn place(name: &Path, kind: Kind<'_>) -> Result<PathBuf, Unsafe> {
    let shown = |path: &Path| path.to_string_lossy().escape_debug().to_string();
    let place = within(Path::new(""), name).ok_or_else(|| Unsafe::Name(shown(name)))?;
    let leads_out = |to: &Path| Unsafe::Link(shown(name), shown(to));
    match kind {
        Kind::File | Kind::Directory => Ok(place),
        Kind::Symlink(to) => {
            let beside = place.parent().unwrap_or(Path::new(""));
            within(beside, to).ok_or_else(|| leads_out(to))?;
            Ok(place)
        }
        Kind::HardLink(to) => {
            within(Path::new(""), to).ok_or_else(|| leads_out(to))?;
            Ok(place)
        }
        Kind::Other => Err(Unsafe::Other(shown(name))),
    }
}

/// The path from `base` on, if no part of it leads above where `base` begins.
fn within(base: &Path, path: &Path) -> Option<PathBuf> {
    let mut place = base.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            Component::ParentDir if place.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(place)
}

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A path on this machine.
    Here(PathBuf),
    /// A path in a container.
    There {
        /// The host.
        host: String,
        /// The service, if it is said.
        service: Option<String>,
        /// Absolute.
        path: String,
    },
}

impl std::str::FromStr for End {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (front, path) = match text.split_once(":/") {
            // A name with a slash is a path of this machine that has a colon in it.
            Some((front, path)) if !front.is_empty() && !front.contains('/') => (front, format!("/{path}")),
            _ if text.is_empty() => return Err("expected a path, or HOST:SERVICE:/PATH"),
            _ => return Ok(Self::Here(text.into())),
        };
        if Path::new(&path).components().any(|part| part == Component::ParentDir) {
            return Err("a path in a container is written without `..`");
        }
        match front.split(':').collect::<Vec<_>>()[..] {
            [host] => Ok(Self::There { host: host.to_owned(), service: None, path }),
            [host, service] => Ok(Self::There { host: host.to_owned(), service: Some(service.to_owned()), path }),
            _ => Err("expected HOST:SERVICE:/PATH, or HOST:/PATH"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_where_it_is_unpacked() {
        let kind = |kind: &str, to: &'static str| match kind {
            "file" => Kind::File,
            "dir" => Kind::Directory,
            "sym" => Kind::Symlink(Path::new(to)),
            "hard" => Kind::HardLink(Path::new(to)),
            _ => Kind::Other,
        };
        for (name, what, to, expected) in [
            ("a", "file", "", Some("a")),
            ("./a/b/", "dir", "", Some("a/b")),
            ("a/../b", "file", "", Some("b")),
            ("a/l", "sym", "../b", Some("a/l")),
            ("a/l", "sym", "b/./c", Some("a/l")),
            ("a/h", "hard", "a/b", Some("a/h")),
            ("../a", "file", "", None),
            ("a/../../b", "file", "", None),
            ("/etc/passwd", "file", "", None),
            ("a/l", "sym", "../../b", None),
            ("l", "sym", "..", None),
            ("l", "sym", "/etc", None),
            ("h", "hard", "../b", None),
            ("h", "hard", "/etc/passwd", None),
            ("pipe", "fifo", "", None),
        ] {
            let found = place(Path::new(name), kind(what, to)).ok();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{name} {what} {to}");
        }
    }

    #[test]
    fn ends_of_a_copy_are_told_apart() {
        let there = |host: &str, service: Option<&str>, path: &str| {
            Some(End::There { host: host.to_owned(), service: service.map(str::to_owned), path: path.to_owned() })
        };
        for (text, expected) in [
            ("h1:web:/etc/app.conf", there("h1", Some("web"), "/etc/app.conf")),
            ("h1:/etc", there("h1", None, "/etc")),
            ("./x", Some(End::Here("./x".into()))),
            ("dir/a:/b", Some(End::Here("dir/a:/b".into()))),
            ("a:b", Some(End::Here("a:b".into()))),
            ("", None),
            ("h1:web:more:/x", None),
            ("h1:web:/etc/../x", None),
        ] {
            assert_eq!(text.parse::<End>().ok(), expected, "{text}");
        }
    }
}
