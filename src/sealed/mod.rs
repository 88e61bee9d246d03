//! Secrets in the repository: files that are encrypted with age to the recipients of the manifest, each a map of names to
//! values. Plain text is kept in memory that is wiped, but for the time of an edit ([`scratch`]).

pub mod entries;
pub mod error;
pub mod file;
pub mod identity;
pub mod safe;
pub mod scratch;
pub mod splice;

pub use entries::Entries;
pub use error::SealedError;
pub use file::SealedFile;
pub use identity::Identity;
pub use safe::Safe;
