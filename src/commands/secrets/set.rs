//! `secrets set`: one value of an encrypted file.

use std::path::Path;

use anyhow::anyhow;

use crate::cli;
use crate::commands::Context;
use crate::environment::{Environment, SecretSource};
use crate::error::{Error, Exit, Result};
use crate::manifest::suggest;
use crate::name::SecretName;
use crate::report::secrets::{Change, WrittenAnswer, WrittenFile};
use crate::sealed::{Entries, SealedFile};

use super::ask;
use super::sealing::{identity, recipients, refused};

/// Asks for a value, and puts it into the file that the manifest names for it.
pub(in crate::commands) async fn run(context: &Context, arguments: &cli::SecretsSet) -> Result<Exit> {
    let environment = context.secrets_environment(&arguments.target)?;
    let (file, key) = entry(&environment, &arguments.name)?;
    let recipients = recipients(&environment)?;
    let sealed = SealedFile::new(&environment.root, file);
    // Before the question: nobody types a value that cannot be written.
    let before = match sealed.exists() {
        true => sealed.open(&identity(&environment)?).map_err(refused)?,
        false => None,
    };
    let entries = before.as_ref().map(|opened| Entries::parse(&opened.plain, file)).transpose();
    let mut entries = entries.map_err(refused)?.unwrap_or_default();
    let value = ask::value(context, &arguments.name, arguments.from_file.as_deref()).await?;
    let change = if entries.has(key, &value) {
        Change::None
    } else {
        entries.insert(key, value);
        sealed.write(&entries.plain(), &environment.age.recipients, before.as_ref()).map_err(refused)?;
        Change::Entry(key.to_owned())
    };
    let files = vec![WrittenFile { file: file.to_owned(), change }];
    context.reporter.answer(&WrittenAnswer { files, recipients }, Exit::Done);
    Ok(Exit::Done)
}

/// The file and the key of a secret.
fn entry<'e>(environment: &'e Environment, name: &str) -> Result<(&'e Path, &'e str)> {
    let declared = name.parse::<SecretName>().ok().and_then(|name| environment.secrets.get(&name));
    match declared {
        Some(SecretSource::Age { file, key }) => Ok((file, key)),
        Some(_) => {
            let source = anyhow!("the secret `{name}` does not come from an encrypted file");
            Err(Error::bad_input(source).hint(format!("declare it as `{name}: {{ age: secrets/FILE }}`")))
        }
        None => {
            let source = anyhow!("the secret `{name}` is not declared under `secrets`");
            let hint = match suggest::nearest(name, environment.secrets.keys().map(SecretName::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare it as `{name}: {{ age: secrets/{}.age.yml }}`", environment.name),
            };
            Err(Error::bad_input(source).hint(hint))
        }
    }
}
