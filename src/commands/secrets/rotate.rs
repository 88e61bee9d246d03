//! `secrets rotate`: the present recipients for every encrypted file.

use crate::cli;
use crate::commands::Context;
use crate::error::{Exit, Result};
use crate::report::secrets::{Change, WrittenAnswer, WrittenFile};
use crate::sealed::SealedError;

use super::sealing::{Sealing, files, none, refused};

/// Reads all files before it writes the first: one that cannot be read leaves all as they are.
pub(in crate::commands) fn run(context: &Context, arguments: &cli::SecretsTarget) -> Result<Exit> {
    let sealing = Sealing::begin(context, &arguments.target)?;
    let names = files(&sealing.environment);
    if names.is_empty() {
        return Err(none(&sealing.environment));
    }
    let mut opened = Vec::new();
    for name in names {
        let missing = || refused(&SealedError::NoFile(name.to_owned()));
        let (file, before) = sealing.open(name)?;
        opened.push((file, before.ok_or_else(missing)?));
    }
    let mut written = Vec::new();
    for (file, before) in opened {
        sealing.write(&file, &before.plain, Some(&before))?;
        written.push(WrittenFile { file: file.name().to_owned(), change: Change::Recipients });
    }
    context.reporter.answer(&WrittenAnswer { files: written, recipients: sealing.recipients }, Exit::Done);
    Ok(Exit::Done)
}
