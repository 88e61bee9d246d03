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
use crate::sealed::{Entries, splice};

use super::ask;
use super::sealing::{Sealing, refused};

/// Asks for a value, and puts it into the file that the manifest names for it.
pub(in crate::commands) async fn run(context: &Context, arguments: &cli::SecretsSet) -> Result<Exit> {
    let sealing = Sealing::begin(context, &arguments.target)?;
    let (name, key) = entry(&sealing.environment, &arguments.name)?;
    // Before the question: nobody types a value that cannot be written.
    let (file, before) = sealing.open(name)?;
    let plain = before.as_ref().map_or(&b""[..], |opened| &opened.plain);
    let mut entries = Entries::parse(plain, name).map_err(|error| refused(&error))?;
    let value = ask::value(context, &arguments.name, arguments.from_file.as_deref()).await?;
    let change = if entries.has(key, &value) {
        Change::None
    } else {
        entries.insert(key, value);
        sealing.write(&file, &splice::put(plain, &entries, key), before.as_ref())?;
        Change::Entry(key.to_owned())
    };
    let files = vec![WrittenFile { file: name.to_owned(), change }];
    context.reporter.answer(&WrittenAnswer { files, recipients: sealing.recipients }, Exit::Done);
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
