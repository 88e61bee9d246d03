//! Files of a container, as the archive that the engine unpacks into it, and back.

use std::io;

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::TryStreamExt;

use crate::container::ContainerId;
use crate::engine::EngineError;
use crate::engine::client::{Client, SHORT, call};
use crate::environment::FileTarget;
use crate::template::rendered::RenderedFile;

/// One archive of all files, to be unpacked at `/`. The engine makes missing directories. Times are fixed, so that equal
/// files make an equal archive.
pub(super) fn archive<'f>(files: impl IntoIterator<Item = &'f RenderedFile>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        append(&mut archive, file.target.path.trim_start_matches('/'), &file.target, file.bytes())?;
    }
    archive.into_inner()
}

/// Adds a file with the owner and the mode of `target`.
pub(super) fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    target: &FileTarget,
    bytes: &[u8],
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes.len() as u64);
    header.set_mode(target.mode & 0o7777);
    header.set_uid(u64::from(target.uid));
    header.set_gid(u64::from(target.gid));
    header.set_mtime(0);
    archive.append_data(&mut header, path, bytes)
}

/// Adds a file that only root can read.
pub(super) fn append_plain(archive: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> io::Result<()> {
    append(archive, path, &FileTarget { path: path.to_owned(), uid: 0, gid: 0, mode: 0o400 }, bytes)
}

/// Adds a directory of root's.
pub(super) fn append_directory(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    archive.append_data(&mut header, path, io::empty())
}

/// Adds a symbolic link.
pub(super) fn append_link(archive: &mut tar::Builder<Vec<u8>>, path: &str, to: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    archive.append_link(&mut header, path, to)
}

/// An archive of nothing.
pub(super) fn empty_archive() -> Vec<u8> {
    // Two blocks of zeroes end an archive.
    vec![0; 1024]
}

/// The archive, to be unpacked at `/` in place of `folder`.
pub(super) fn beneath(archive: &[u8], folder: &str) -> io::Result<Vec<u8>> {
    let (mut archive, mut moved) = (tar::Archive::new(archive), tar::Builder::new(Vec::new()));
    for entry in archive.entries()? {
        let entry = entry?;
        let mut header = entry.header().clone();
        let path = std::path::Path::new(folder.trim_start_matches('/')).join(entry.path()?);
        match entry.link_name()? {
            Some(to) => moved.append_link(&mut header, path, to)?,
            None => moved.append_data(&mut header, path, entry)?,
        }
    }
    moved.into_inner()
}

/// Links that are followed to a file.
const MAX_LINKS: u32 = 8;

/// What a file of a container holds now, also at the end of symbolic links; `None` if it is not there, or is no text.
pub async fn read(client: &Client, id: &ContainerId, path: &str) -> Result<Option<String>, EngineError> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let options = DownloadFromContainerOptionsBuilder::new().path(&path).build();
        let parts = client.docker().download_from_container(&id.0, Some(options));
        let archive = match call(SHORT, parts.map_ok(|part| part.to_vec()).try_concat()).await {
            Ok(archive) => archive,
            Err(EngineError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        // The engine follows links on the way, and not the last one.
        let Some(to) = only_link(&archive) else { return Ok(only_file(&archive).ok()) };
        path = match path.rsplit_once('/') {
            Some((folder, _)) if !to.starts_with('/') => format!("{folder}/{to}"),
            _ => to,
        };
    }
    Ok(None)
}

/// Where the one link in an archive leads, if that is what it holds.
fn only_link(archive: &[u8]) -> Option<String> {
    let mut archive = tar::Archive::new(archive);
    let entry = archive.entries().ok()?.next()?.ok()?;
    let to = entry.link_name().ok()??;
    entry.header().entry_type().is_symlink().then(|| to.to_string_lossy().into_owned())
}

/// The contents of the one file in an archive.
pub(super) fn only_file(archive: &[u8]) -> io::Result<String> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries()?.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let mut text = String::new();
    io::Read::read_to_string(&mut entry, &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Delivery;
    use crate::environment::Secret;

    #[test]
    fn an_archive_holds_paths_owners_and_modes() {
        let target = |path: &str| FileTarget { path: path.to_owned(), uid: 1000, gid: 2000, mode: 0o400 };
        let files = [
            RenderedFile::config(target("/etc/app/app.conf"), "a = 1\n".to_owned()),
            RenderedFile::secret(
                target(&format!("/run/{}", "long/".repeat(40))),
                "hush".parse().unwrap(),
                Secret::new("hush".to_owned()),
                Delivery::Container,
            ),
        ];
        let bytes = archive(&files).unwrap();
        assert_eq!(bytes, archive(&files).unwrap());
        let mut read = tar::Archive::new(&bytes[..]);
        let headers: Vec<_> = read
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let numbers =
                    (header.uid().unwrap(), header.gid().unwrap(), header.mode().unwrap(), header.mtime().unwrap());
                (entry.path().unwrap().to_string_lossy().into_owned(), numbers)
            })
            .collect();
        assert_eq!(headers[0], ("etc/app/app.conf".to_owned(), (1000, 2000, 0o400, 0)));
        assert!(headers[1].0.starts_with("run/long/long/"));
        assert_eq!(only_file(&bytes).unwrap(), "a = 1\n");
        assert!(only_file(&empty_archive()).is_err());
    }
}
