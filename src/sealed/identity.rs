//! The operator's own key: where it is looked for, and how a new one is made.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SealedError;
use crate::environment::{Environment, Secret};

/// Holds the text of an identity: for pipelines.
const TEXT: &str = "SHIPCTL_AGE_KEY";
/// Names a file that holds identities.
const FILE: &str = "SHIPCTL_AGE_KEY_FILE";
/// An identity file is at most this large.
const MAX_BYTES: u64 = 64 * 1024;

/// One key or several, which decrypt.
pub struct Identity {
    keys: Vec<x25519::Identity>,
    place: String,
}

/// Where identities of files may be, in the order in which they are looked for.
#[derive(Debug, Clone, Default)]
pub struct Places {
    asked: Option<PathBuf>,
    declared: Option<PathBuf>,
    usual: Option<PathBuf>,
}

impl Places {
    /// Those of this machine, and that of the environment.
    pub fn of(environment: Option<&Environment>) -> Self {
        let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
        let declared = environment.and_then(|environment| Some((environment, environment.age.identity.as_deref()?)));
        Self {
            asked: std::env::var_os(FILE).filter(|path| !path.is_empty()).map(PathBuf::from),
            declared: declared.map(|(environment, path)| beneath_home(path, &environment.root)),
            usual: config.map(|config| config.join("shipctl/age.key")),
        }
    }

    /// Where a new identity belongs.
    pub fn fresh(&self) -> Option<&Path> {
        self.asked.as_deref().or(self.declared.as_deref()).or(self.usual.as_deref())
    }
}

/// A variable that holds an absolute path.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn beneath_home(path: &Path, root: &Path) -> PathBuf {
    match (path.strip_prefix("~"), absolute("HOME")) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => root.join(path),
    }
}

impl Identity {
    /// The first one that there is. A file that was asked for by its variable must be there; the others need not.
    pub fn find(places: &Places) -> Result<Self, SealedError> {
        let mut tried = Vec::new();
        match std::env::var(TEXT).map(Zeroizing::new) {
            Ok(text) if text.is_empty() => tried.push(format!("the variable {TEXT} (empty)")),
            Ok(text) => return Self::parse(&text, format!("the variable {TEXT}")),
            Err(_) => tried.push(format!("the variable {TEXT} (not set)")),
        }
        match &places.asked {
            Some(path) => return Self::read(path).map_err(|source| unreadable(path, source))?,
            None => tried.push(format!("the variable {FILE} (not set)")),
        }
        for (path, what) in [(&places.declared, "`age.identity` of the manifest"), (&places.usual, "your home")] {
            match path {
                None => tried.push(format!("{what} (not set)")),
                Some(path) => match Self::read(path) {
                    Ok(identity) => return identity,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        tried.push(format!("{} (no such file)", path.display()));
                    }
                    Err(error) => return Err(unreadable(path, error)),
                },
            }
        }
        Err(SealedError::NoIdentity { tried })
    }

    /// Makes a new one, in a file that only its owner can read. A file that is there is not touched.
    pub fn create(path: &Path, now: Timestamp) -> Result<Self, SealedError> {
        let key = x25519::Identity::generate();
        let text = Zeroizing::new(format!(
            "# created: {now:.0}\n# public key: {}\n{}\n",
            key.to_public(),
            key.to_string().expose_secret()
        ));
        let write = || -> io::Result<()> {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            let mut file =
                tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist_noclobber(path)?;
            Ok(())
        };
        write().map_err(|source| SealedError::IdentityUnwritable { path: path.to_owned(), source })?;
        Ok(Self { keys: vec![key], place: path.display().to_string() })
    }

    /// `Err` where there is no file to read.
    fn read(path: &Path) -> io::Result<Result<Self, SealedError>> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        fs::File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok(Self::parse(&text, path.display().to_string()))
    }

    /// As age writes them: a line each, beside comments and empty lines.
    fn parse(text: &str, place: String) -> Result<Self, SealedError> {
        let lines =
            text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        for (index, line) in lines {
            match line.parse() {
                Ok(key) => keys.push(key),
                Err(_) => return Err(SealedError::NotAnIdentity { place, line: Some(index + 1) }),
            }
        }
        if keys.is_empty() { Err(SealedError::NotAnIdentity { place, line: None }) } else { Ok(Self { keys, place }) }
    }

    /// Where it was found.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its public side, by which files are encrypted to it.
    pub fn recipients(&self) -> Vec<x25519::Recipient> {
        self.keys.iter().map(x25519::Identity::to_public).collect()
    }

    /// Its private side, as it is written.
    pub(super) fn texts(&self) -> Vec<Secret> {
        self.keys.iter().map(|key| Secret::new(key.to_string().expose_secret().to_owned())).collect()
    }

    /// For the one place that decrypts.
    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.keys.iter().map(|key| key as &dyn age::Identity)
    }

    /// What stands for a value where others may read it: keyed with this identity, so that nobody else can try values
    /// against it. Two operators see two different ones.
    pub fn fingerprint(&self, context: &str, secret: &Secret) -> String {
        // Nested, as HMAC is: neither what is hashed nor its length tells anything about the key.
        let keyed = |parts: &[&[u8]]| {
            let mut hash = Sha256::new();
            hash.update(b"shipctl listed secret v1\0");
            hash.update(self.keys[0].to_string().expose_secret().as_bytes());
            for part in parts {
                hash.update(part);
            }
            hash.finalize()
        };
        let inner = keyed(&[b"\0inner\0", context.as_bytes(), b"\0", secret.expose().as_bytes()]);
        hex::encode(&keyed(&[b"\0outer\0", &inner])[..8])
    }
}

fn unreadable(path: &Path, source: io::Error) -> SealedError {
    SealedError::IdentityUnreadable { place: path.display().to_string(), source }
}
