//! A directory only we can look into, for control and forwarding sockets.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

const PREFIX: &str = "shipctl.";
const LOCK: &str = "lock";

/// Room that a socket's name needs: the longest name of ours, and what ssh appends while it makes a socket.
const NAME_ROOM: usize = 32;
/// The shortest limit among systems for the path of a Unix socket.
const PATH_LIMIT: usize = 104;

/// A private directory. Removed when dropped; if we are killed, by the next run: the file `lock` in it is
/// locked for as long as we live, which no process id could say as surely.
#[derive(Debug)]
pub(super) struct PrivateDir {
    dir: TempDir,
    _lock: File,
}

impl PrivateDir {
    /// Makes one beneath the first place that suits, after removing those of dead runs there.
    pub(super) fn create() -> io::Result<Self> {
        static SWEEP: Once = Once::new();
        let bases = bases();
        SWEEP.call_once(|| bases.iter().for_each(|base| sweep(base)));
        let mut last = io::Error::other("no place for sockets");
        for base in &bases {
            match Self::create_in(base) {
                Ok(dir) => return Ok(dir),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn create_in(base: &Path) -> io::Result<Self> {
        // A sweeper of another run may take the lock first; then the directory is its to remove.
        for _ in 0..4 {
            let dir =
                tempfile::Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(base)?;
            let lock = File::create_new(dir.path().join(LOCK))?;
            if lock.try_lock().is_ok() && dir.path().join(LOCK).exists() {
                return Ok(Self { dir, _lock: lock });
            }
        }
        Err(io::Error::other(format!("cannot keep a directory in {}", base.display())))
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Where the directory may be, best first. The path must be short, and plain: ssh expands `%`, `~` and `$` in it.
fn bases() -> Vec<PathBuf> {
    let suits = |path: &PathBuf| {
        let Some(text) = path.to_str() else { return false };
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_'));
        plain && path.is_absolute() && text.len() + PREFIX.len() + NAME_ROOM <= PATH_LIMIT
    };
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut bases: Vec<_> =
        runtime.into_iter().chain([std::env::temp_dir(), PathBuf::from("/tmp")]).filter(suits).collect();
    bases.dedup();
    bases
}

/// Removes directories whose owner is dead. Whatever cannot be opened belongs to somebody else.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !ours {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // A failure leaves the directory to the next run.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_a_dead_run_is_swept_and_one_of_a_live_run_is_not() {
        let base = tempfile::tempdir().unwrap();
        let live = PrivateDir::create_in(base.path()).unwrap();
        let dead = base.path().join("shipctl.dead");
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        sweep(base.path());
        assert!(live.join(LOCK).exists());
        assert!(!dead.exists());
        assert_eq!(fs::metadata(live.dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let path = live.dir.path().to_owned();
        drop(live);
        assert!(!path.exists());
    }
}
