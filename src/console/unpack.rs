//! Archives of files on the operator's machine, made and unpacked as they pass.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use tar::{Archive, Builder, EntryType, Header, HeaderMode};

use super::archive::{Kind, place};

/// Unpacks an archive of one file or directory, which is then at `to`, or in it if that is a directory, under its own name.
/// It is there whole or not at all: nothing that was there before is replaced but a file by a file. Where it is now.
pub fn unpack(archive: impl Read, to: &Path) -> Result<PathBuf> {
    let (folder, name) = if to.is_dir() { (to, None) } else { (parent(to), to.file_name()) };
    let beside = tempfile::Builder::new().prefix(".shipctl-cp-").tempdir_in(folder);
    let scratch = beside.with_context(|| format!("{} cannot be written to", folder.display()))?;
    let mut archive = Archive::new(archive);
    archive.set_preserve_mtime(true);
    let mut first = None;
    // A directory that cannot be written to comes before what is in it.
    let mut modes = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry.context("what came is no whole archive")?;
        let (path, link) = (entry.path()?.into_owned(), entry.link_name()?.map(std::borrow::Cow::into_owned));
        let link = link.as_deref().unwrap_or(Path::new(""));
        let kind = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink(link),
            EntryType::Link => Kind::HardLink(link),
            EntryType::XGlobalHeader | EntryType::XHeader => continue,
            _ => Kind::Other,
        };
        let place = place(&path, kind)?;
        let root = place.components().next().map(|part| part.as_os_str().to_owned());
        first = first.or(root);
        if kind == Kind::Directory {
            fs::create_dir_all(scratch.path().join(&place))?;
            modes.push((place, entry.header().mode()? & 0o777));
        } else if !entry.unpack_in(scratch.path())? {
            return Err(anyhow!("`{}` cannot be unpacked", path.display()));
        }
    }
    for (place, mode) in modes.into_iter().rev() {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(scratch.path().join(place), fs::Permissions::from_mode(mode | 0o700))?;
    }
    let first = first.ok_or_else(|| anyhow!("what came is an empty archive"))?;
    let end = folder.join(name.unwrap_or(&first));
    let unpacked = scratch.path().join(&first);
    match (fs::symlink_metadata(&end), unpacked.symlink_metadata()?.is_dir()) {
        (Ok(there), true) => return Err(anyhow!("{} is there already: {}", end.display(), kind_of(&there))),
        (Ok(there), false) if there.is_dir() => return Err(anyhow!("{} is a directory", end.display())),
        _ => {}
    }
    fs::rename(&unpacked, &end).with_context(|| format!("{} cannot be put in its place", end.display()))?;
    Ok(end)
}

fn kind_of(there: &fs::Metadata) -> &'static str {
    if there.is_dir() { "a directory is not copied over another one" } else { "a directory does not replace a file" }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes an archive of a file or directory, which is called `name` in it and belongs to root.
pub fn pack(from: &Path, name: &str, out: impl Write) -> Result<()> {
    let mut archive = Builder::new(out);
    archive.follow_symlinks(false);
    add(&mut archive, from, Path::new(name), true)?;
    archive.into_inner()?.flush()?;
    Ok(())
}

fn add(archive: &mut Builder<impl Write>, from: &Path, name: &Path, is_first: bool) -> Result<()> {
    let cannot = || format!("{} cannot be read", from.display());
    // What was named is meant, not the link that it may be.
    let facts = if is_first { fs::metadata(from) } else { fs::symlink_metadata(from) };
    let facts = facts.with_context(cannot)?;
    let mut header = Header::new_gnu();
    header.set_metadata_in_mode(&facts, HeaderMode::Complete);
    header.set_uid(0);
    header.set_gid(0);
    if facts.is_dir() {
        header.set_size(0);
        archive.append_data(&mut header, name, io::empty())?;
        let mut entries: Vec<_> = fs::read_dir(from).with_context(cannot)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(archive, &entry.path(), &name.join(entry.file_name()), false)?;
        }
    } else if facts.is_symlink() {
        header.set_size(0);
        archive.append_link(&mut header, name, fs::read_link(from).with_context(cannot)?)?;
    } else if facts.is_file() {
        let file = fs::File::open(from).with_context(cannot)?;
        // A file that grows meanwhile is cut, one that shrinks is an error.
        archive.append_data(&mut header, name, file.take(facts.len()))?;
    } else {
        return Err(anyhow!("{} is a device or a pipe, which is not copied", from.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(from: &Path, name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        pack(from, name, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_tree_comes_out_as_it_went_in_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("tree/sub")).unwrap();
        fs::write(at("tree/sub/file"), "text").unwrap();
        std::os::unix::fs::symlink("sub/file", at("tree/link")).unwrap();
        let bytes = packed(&at("tree"), "tree");
        assert_eq!(unpack(&bytes[..], &at("new")).unwrap(), at("new"));
        assert_eq!(fs::read_to_string(at("new/link")).unwrap(), "text");
        assert_eq!(fs::read_link(at("new/link")).unwrap(), Path::new("sub/file"));
        assert!(unpack(&bytes[..], root.path()).unwrap_err().to_string().contains("there already"));
        assert_eq!(unpack(&bytes[..], &at("new/sub")).unwrap(), at("new/sub/tree"));

        fs::write(at("old"), "old").unwrap();
        assert_eq!(unpack(&packed(&at("tree/sub/file"), "f")[..], &at("old")).unwrap(), at("old"));
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "text");
        assert!(unpack(&bytes[..bytes.len() / 2 - 300], &at("half")).is_err());
        assert!(!at("half").exists());
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".shipctl")), "{left:?}");
    }

    #[test]
    fn an_archive_that_leads_out_is_refused_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let archive = |entries: &[(&str, EntryType, &str)]| {
            let mut archive = Builder::new(Vec::new());
            for (name, kind, link) in entries {
                let mut header = Header::new_gnu();
                // As somebody writes it who means harm: the library would not.
                header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
                header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
                header.set_entry_type(*kind);
                header.set_mode(0o755);
                header.set_size(0);
                header.set_cksum();
                archive.append(&header, io::empty()).unwrap();
            }
            archive.into_inner().unwrap()
        };
        for entries in [
            &[("../evil", EntryType::Regular, "")][..],
            &[("/tmp/evil", EntryType::Regular, "")],
            &[("x", EntryType::Symlink, "/"), ("x/evil", EntryType::Regular, "")],
            &[("d", EntryType::Directory, ""), ("d/x", EntryType::Symlink, "../..")],
            &[("x", EntryType::Link, "/etc/passwd")],
            &[("x", EntryType::Fifo, "")],
        ] {
            let to = root.path().join("to");
            assert!(unpack(&archive(entries)[..], &to).is_err(), "{entries:?}");
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "{entries:?}");
        }
    }
}
