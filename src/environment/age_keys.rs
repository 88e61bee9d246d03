//! The top-level `age`: for whom secrets in the repository are encrypted.

use std::path::PathBuf;

use age::x25519::Recipient;

/// For whom files are encrypted, and with what they are decrypted here.
#[derive(Debug, Clone, Default)]
pub struct AgeKeys {
    /// Everybody who can read them; none where nothing is ever written.
    pub recipients: Vec<Recipient>,
    /// The operator's own identity, if the manifest says where it is: beneath the project, absolute, or beneath `~`.
    pub identity: Option<PathBuf>,
}
