//! What can go wrong with encrypted files. No variant holds a value, a key, or a line of a file.

use std::io;
use std::path::PathBuf;

/// Why an encrypted file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// Nothing to decrypt with.
    #[error("there is no age identity; looked at {}", .tried.join(", "))]
    NoIdentity {
        /// Every place that was looked at.
        tried: Vec<String>,
    },
    /// The identity is there, but cannot be read.
    #[error("{place} cannot be read: {source}")]
    IdentityUnreadable {
        /// Where.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something else than identities.
    #[error("{place} holds no age identity, which is a line `AGE-SECRET-KEY-1…`{}", at_line(*.line))]
    NotAnIdentity {
        /// Where.
        place: String,
        /// The line that is none; `None` if there is no line at all.
        line: Option<usize>,
    },
    /// A new identity could not be written.
    #[error("the identity cannot be written to {path}: {source}")]
    IdentityUnwritable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing was ever written to it.
    #[error("there is no file {0}")]
    NoFile(PathBuf),
    /// Probably not the file that was meant.
    #[error("{0} is larger than 1 MiB")]
    TooLarge(PathBuf),
    /// Something else, or half a file.
    #[error("{0} is not an age file")]
    NotAge(PathBuf),
    /// A kind of encryption that nobody can be asked about in a pipeline.
    #[error("{0} is encrypted with a passphrase; encrypt it to recipients (`age1…`)")]
    Passphrase(PathBuf),
    /// Encrypted for others.
    #[error("{file} is not encrypted to the identity in {place} ({recipients})")]
    WrongIdentity {
        /// The file.
        file: PathBuf,
        /// Where the identity is.
        place: String,
        /// The public side of it.
        recipients: String,
    },
    /// It is age, and for us, but not what was written.
    #[error("{0} is damaged: it is not what was encrypted")]
    Damaged(PathBuf),
    /// The plain text is not what is expected in it.
    #[error("what {file} holds is not a map of names to text, each name once{}", at(*.place))]
    NotAMap {
        /// The encrypted file.
        file: PathBuf,
        /// Line and column of the plain text.
        place: Option<(usize, usize)>,
    },
    /// No such entry.
    #[error("{file} holds no `{key}` ({hint})")]
    Missing {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        key: String,
        /// What there is instead.
        hint: String,
    },
    /// An entry that cannot be a secret.
    #[error(transparent)]
    Unusable(#[from] crate::environment::secret::SecretError),
    /// Somebody else wrote the file meanwhile.
    #[error("{0} was changed by somebody else meanwhile; it is left as it is now")]
    Changed(PathBuf),
    /// The file could not be written; it is what it was.
    #[error("{file} cannot be written, and is what it was: {source}")]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Encryption itself failed.
    #[error("{0} cannot be encrypted to these recipients")]
    Unencryptable(PathBuf),
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!("; line {line} is something else")).unwrap_or_default()
}

fn at(place: Option<(usize, usize)>) -> String {
    place.map(|(line, column)| format!(": line {line}, column {column}")).unwrap_or_default()
}
