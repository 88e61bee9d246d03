//! Secret values. A [`Secret`] can be used but not printed, compared or serialised.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// A secret value. There is deliberately no `Debug` that shows it, no `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into custody; its memory is wiped when the last copy is dropped.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// Takes what a file or a command holds, without the one line end at its end. `name` says what it is, for errors.
    pub fn from_output(name: &str, bytes: Vec<u8>) -> Result<Self, SecretError> {
        match String::from_utf8(bytes) {
            Ok(text) => checked(name, without_line_end(text)),
            Err(_) => Err(SecretError::NotText(name.to_owned())),
        }
    }

    /// The same secret, unless it is empty or too large to be one. `name` says what it is, for errors.
    pub fn usable(self, name: &str) -> Result<Self, SecretError> {
        match self.expose().len() as u64 {
            0 => Err(SecretError::Empty(name.to_owned())),
            1..=MAX_BYTES => Ok(self),
            _ => Err(SecretError::TooLarge(name.to_owned())),
        }
    }

    /// The value, for the one place that hands it to a host or a registry.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
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
    /// What a command prints, such as `[op, read, "op://shop/db/password"]`; one trailing newline is dropped.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// When it is killed.
        timeout: Duration,
    },
    /// An entry of a file that is encrypted with age.
    Age {
        /// The file, beneath the project (or absolute).
        file: PathBuf,
        /// The entry's name in it.
        key: String,
    },
}

/// A secret is at most this large: they are passwords, keys and certificates.
pub const MAX_BYTES: u64 = 64 * 1024;

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
    /// The command could not be run, failed, or took too long.
    #[error("the command `{program}` {reason}")]
    Command {
        /// Its first word; the others may be telling.
        program: String,
        /// What became of it.
        reason: String,
    },
}

impl SecretSource {
    /// Fetches the value; `None` for a command and for an encrypted file, which are not for this module to run or to
    /// decrypt. Relative files are beneath `root`; one line end at the end of a file is dropped.
    pub fn read(&self, root: &Path) -> Option<Result<Secret, SecretError>> {
        match self {
            Self::Variable(name) => Some(variable(name)),
            Self::File(path) => {
                let path = root.join(path);
                Some(read_file(&path).and_then(|bytes| Secret::from_output(&path.display().to_string(), bytes)))
            }
            Self::Command { .. } | Self::Age { .. } => None,
        }
    }
}

fn variable(name: &str) -> Result<Secret, SecretError> {
    let value = std::env::var_os(name).ok_or_else(|| SecretError::NotSet(name.to_owned()))?;
    let name = format!("the environment variable {name}");
    match value.into_string() {
        Ok(value) => checked(&name, value),
        Err(_) => Err(SecretError::NotText(name)),
    }
}

fn checked(name: &str, value: String) -> Result<Secret, SecretError> {
    Secret::new(value).usable(name)
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
                .unwrap()
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
        let read_source = |source: SecretSource| source.read(root.path()).unwrap();
        let missing = read_source(SecretSource::Variable("SHIPCTL_NO_SUCH_VARIABLE".into()));
        assert_eq!(missing.unwrap_err().to_string(), "the environment variable SHIPCTL_NO_SUCH_VARIABLE is not set");
        assert!(matches!(read_source(SecretSource::File(".".into())), Err(SecretError::NotAFile(_))));
        assert!(matches!(read_source(SecretSource::File("none".into())), Err(SecretError::Unreadable { .. })));
    }
}
