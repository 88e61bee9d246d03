//! `secrets view`: values, for the eyes of the operator.

use std::io::{self, Write};

use anyhow::{Context as _, anyhow};

use crate::cli;
use crate::commands::Context;
use crate::error::{Error, Exit, Result};
use crate::manifest::suggest;
use crate::name::SecretName;
use crate::report::secrets::ValuesAnswer;

use super::values;

/// Prints values as a deploy would read them.
pub(in crate::commands) async fn run(context: &Context, arguments: &cli::SecretsView) -> Result<Exit> {
    let is_terminal = context.reporter.is_read_by_people();
    if !is_terminal && !arguments.reveal {
        let source = anyhow!("this prints secrets, and not to a terminal: they may end in a log");
        return Err(Error::bad_input(source).hint("add --reveal to print them all the same"));
    }
    let environment = context.secrets_environment(&arguments.target)?;
    let names: Vec<SecretName> = match &arguments.name {
        None => environment.secrets.keys().cloned().collect(),
        Some(asked) => {
            let known = environment.secrets.keys().find(|name| name.as_str() == asked.as_str());
            let unknown = || {
                let hint = suggest::hint(asked, environment.secrets.keys().map(SecretName::as_str));
                Error::bad_input(anyhow!("the secret `{asked}` is not declared under `secrets`")).hint(hint)
            };
            vec![known.ok_or_else(unknown)?.clone()]
        }
    };
    let reading = values(&environment, &names);
    let values = context.signals.unless_cancelled(reading).await?;
    match (values.values().next(), &arguments.name) {
        // A program gets the value as it is, whatever is in it.
        (Some(value), Some(_)) if !is_terminal && !context.reporter.is_json() => {
            let mut out = io::stdout().lock();
            let written = out.write_all(value.expose().as_bytes()).and_then(|()| out.write_all(b"\n"));
            written.and_then(|()| out.flush()).context("the value cannot be written")?;
        }
        _ => context.reporter.reveal(&ValuesAnswer { values, is_one: arguments.name.is_some() }, Exit::Done),
    }
    Ok(Exit::Done)
}
