//! Secret values. A [`Secret`] can be used but not printed, compared or serialised.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A secret value. There is deliberately no `Debug` that shows it, no `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into custody; its memory is wiped when the last copy is dropped.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value, for the one place that hands it to a host or a registry.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What stands for the value in digests: changes when the value changes. It is short and not keyed, so a value that
    /// can be guessed can be confirmed by whoever reads it: it belongs into files of the operator, not into public logs.
    /// `context` (project, environment, name) keeps equal values of different secrets apart.
    pub fn fingerprint(&self, context: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(b"shipctl secret v1\0");
        hash.update(context.as_bytes());
        hash.update([0]);
        hash.update(self.expose().as_bytes());
        hex::encode(&hash.finalize()[..8])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file beneath the project (or an absolute path); one trailing newline is dropped.
    File(PathBuf),
    /// An environment variable of the process that runs shipctl.
    Variable(String),
}

/// A secret is at most this large: they are passwords, keys and certificates.
const MAX_BYTES: u64 = 64 * 1024;

/// Why a secret's value could not be had. Never says anything about the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// The file could not be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Probably not the file that was meant.
    #[error("{0} holds more than 64 KiB")]
    TooLarge(String),
    /// Secrets are text.
    #[error("{0} is not UTF-8 text")]
    NotText(String),
    /// A deployment with an empty password helps nobody.
    #[error("{0} is empty")]
    Empty(String),
}

impl SecretSource {
    /// Fetches the value. Relative files are beneath `root`; one line end at the end of a file is dropped.
    pub fn read(&self, root: &Path) -> Result<Secret, SecretError> {
        let (name, value) = match self {
            Self::Variable(name) => {
                let value = std::env::var_os(name).ok_or_else(|| SecretError::NotSet(name.clone()))?;
                (format!("the environment variable {name}"), value.into_string().ok())
            }
            Self::File(path) => {
                let path = root.join(path);
                let bytes = read_file(&path)?;
                (path.display().to_string(), String::from_utf8(bytes).ok().map(without_line_end))
            }
        };
        match value {
            None => Err(SecretError::NotText(name)),
            Some(value) if value.is_empty() => Err(SecretError::Empty(name)),
            Some(value) if value.len() as u64 > MAX_BYTES => Err(SecretError::TooLarge(name)),
            Some(value) => Ok(Secret::new(value)),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    // Asked before it is opened: opening a FIFO would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    // Room for the line end, and for one byte that shows that there is more.
    file.take(MAX_BYTES + 3).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_line_end_and_a_missing_source_is_named() {
        let root = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8]| {
            fs::write(root.path().join("s"), bytes).unwrap();
            SecretSource::File("s".into())
                .read(root.path())
                .map(|secret| secret.expose().to_owned())
                .map_err(|e| e.to_string())
        };
        assert_eq!(read(b"pass word\n\n"), Ok("pass word\n".to_owned()));
        assert_eq!(read(b"x\r\n"), Ok("x".to_owned()));
        assert_eq!(read(&vec![b'a'; 65536]).map(|value| value.len()), Ok(65536));
        let path = root.path().join("s").display().to_string();
        assert_eq!(read(b"\n"), Err(format!("{path} is empty")));
        assert_eq!(read(&vec![b'a'; 65537]), Err(format!("{path} holds more than 64 KiB")));
        assert_eq!(read(&[0xff]), Err(format!("{path} is not UTF-8 text")));
        let missing = SecretSource::Variable("SHIPCTL_NO_SUCH_VARIABLE".into()).read(root.path());
        assert_eq!(missing.unwrap_err().to_string(), "the environment variable SHIPCTL_NO_SUCH_VARIABLE is not set");
        assert!(matches!(SecretSource::File(".".into()).read(root.path()), Err(SecretError::NotAFile(_))));
        assert!(matches!(SecretSource::File("none".into()).read(root.path()), Err(SecretError::Unreadable { .. })));
    }
}
