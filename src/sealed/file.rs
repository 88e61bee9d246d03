//! One encrypted file: read whole, written whole.

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::x25519::Recipient;
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use super::{Identity, SealedError};

/// An encrypted file is at most this large.
const MAX_BYTES: u64 = 1 << 20;

/// Text that is wiped when it is dropped.
pub type Plain = Zeroizing<Vec<u8>>;

/// A file that is encrypted with age.
#[derive(Debug, Clone)]
pub struct SealedFile {
    name: PathBuf,
    path: PathBuf,
}

/// What a file held when it was read.
pub struct Opened {
    /// Its plain text.
    pub plain: Plain,
    sealed: Vec<u8>,
}

impl SealedFile {
    /// A file by the name that the manifest gives it.
    pub fn new(root: &Path, name: &Path) -> Self {
        Self { name: name.to_owned(), path: root.join(name) }
    }

    /// The name that the manifest gives it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Reads and decrypts it; `None` if there is no such file.
    pub fn open(&self, identity: &Identity) -> Result<Option<Opened>, SealedError> {
        let Some(sealed) = self.read()? else { return Ok(None) };
        let plain = self.decrypt(&sealed, identity)?;
        Ok(Some(Opened { plain, sealed }))
    }

    /// Whether there is something to decrypt.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, SealedError> {
        let unreadable = |source| SealedError::Unreadable { file: self.name.clone(), source };
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Asked before it is opened: opening a FIFO would wait for a writer.
            Ok(metadata) if !metadata.is_file() => return Err(SealedError::NotAge(self.name.clone())),
            other => other.map_err(unreadable)?,
        };
        let mut sealed = Vec::new();
        let file = fs::File::open(&self.path).map_err(unreadable)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut sealed).map_err(unreadable)?;
        if sealed.len() as u64 > MAX_BYTES { Err(SealedError::TooLarge(self.name.clone())) } else { Ok(Some(sealed)) }
    }

    fn decrypt(&self, sealed: &[u8], identity: &Identity) -> Result<Plain, SealedError> {
        let name = || self.name.clone();
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|_| SealedError::NotAge(name()))?;
        if decryptor.is_scrypt() {
            return Err(SealedError::Passphrase(name()));
        }
        let mut reader = decryptor.decrypt(identity.keys()).map_err(|error| match error {
            DecryptError::NoMatchingKeys => SealedError::WrongIdentity {
                file: name(),
                place: identity.place().to_owned(),
                recipients: identity.recipients().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            },
            _ => SealedError::Damaged(name()),
        })?;
        // Never larger than what is encrypted, so that it is not moved, and left behind, while it grows.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut plain).map_err(|_| SealedError::Damaged(name()))?;
        Ok(plain)
    }

    /// Encrypts a text and puts it in the place of the file, whole or not at all. `before` is what was read, `None` if
    /// there was no file: what somebody else wrote meanwhile is not overwritten.
    pub fn write(&self, plain: &[u8], recipients: &[Recipient], before: Option<&Opened>) -> Result<(), SealedError> {
        let sealed = encrypt(plain, recipients).ok_or_else(|| SealedError::Unencryptable(self.name.clone()))?;
        if self.read()?.as_deref() != before.map(|opened| opened.sealed.as_slice()) {
            return Err(SealedError::Changed(self.name.clone()));
        }
        self.replace(&sealed).map_err(|source| SealedError::Unwritable { file: self.name.clone(), source })
    }

    fn replace(&self, sealed: &[u8]) -> io::Result<()> {
        // A link keeps pointing to where it points.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(directory)?;
        if let Ok(metadata) = fs::metadata(&path) {
            file.as_file().set_permissions(metadata.permissions())?;
        }
        file.write_all(sealed)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }
}

fn encrypt(plain: &[u8], recipients: &[Recipient]) -> Option<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn age::Recipient));
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).ok()?;
    let mut writer = encryptor.ok()?.wrap_output(armor).ok()?;
    writer.write_all(plain).ok()?;
    writer.finish().and_then(ArmoredWriter::finish).ok()
}
