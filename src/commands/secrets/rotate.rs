//! `secrets rotate`: the present recipients for every encrypted file.

use crate::cli;
use crate::commands::Context;
use crate::error::{Exit, Result};
use crate::report::secrets::{Change, WrittenAnswer, WrittenFile};
use crate::sealed::{SealedError, SealedFile};

use super::sealing::{files, identity, none, recipients, refused};

/// Reads all files before it writes the first: one that cannot be read leaves all as they are.
pub(in crate::commands) fn run(context: &Context, arguments: &cli::SecretsTarget) -> Result<Exit> {
    let environment = context.secrets_environment(&arguments.target)?;
    let names = files(&environment);
    if names.is_empty() {
        return Err(none(&environment));
    }
    let recipients = recipients(&environment)?;
    let identity = identity(&environment)?;
    let mut opened = Vec::new();
    for name in names {
        let file = SealedFile::new(&environment.root, name);
        let missing = || SealedError::Unreadable { file: name.to_owned(), source: std::io::ErrorKind::NotFound.into() };
        let before = file.open(&identity).and_then(|before| before.ok_or_else(missing)).map_err(refused)?;
        opened.push((file, before));
    }
    let mut written = Vec::new();
    for (file, before) in opened {
        file.write(&before.plain, &environment.age.recipients, Some(&before)).map_err(refused)?;
        written.push(WrittenFile { file: file.name().to_owned(), change: Change::Recipients });
    }
    context.reporter.answer(&WrittenAnswer { files: written, recipients }, Exit::Done);
    Ok(Exit::Done)
}
