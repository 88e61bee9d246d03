//! `secrets list`: what there is, without values.

use crate::cli;
use crate::commands::Context;
use crate::environment::SecretSource;
use crate::error::{Exit, Result};
use crate::report::secrets::{SecretRow, SecretsAnswer};
use crate::sealed::Safe;

use super::value;

/// Reads every secret, and lists what can be said about it.
pub(in crate::commands) async fn run(context: &Context, arguments: &cli::SecretsTarget) -> Result<Exit> {
    let environment = context.secrets_environment(&arguments.target)?;
    let scope = environment.scope();
    let mut safe = Safe::new(&environment);
    let identity = safe.identity().ok();
    let mut rows = Vec::new();
    for (name, source) in &environment.secrets {
        let reading = async { Ok(value(&environment, name, &mut safe).await) };
        let value = context.signals.unless_cancelled(reading).await?;
        let keyed = |secret| {
            let identity = identity.as_ref()?;
            Some(identity.fingerprint(&format!("{}/{name}", scope.label()), secret))
        };
        let (kind, from) = described(source);
        let (fingerprint, problem) = match &value {
            Ok(secret) => (keyed(secret), None),
            Err(problem) => (None, Some(problem.clone())),
        };
        rows.push(SecretRow { name: name.clone(), kind, from, fingerprint, problem });
    }
    let exit = if rows.iter().any(|row| row.problem.is_some()) { Exit::BadInput } else { Exit::Done };
    context.reporter.answer(&SecretsAnswer { scope, rows, is_keyed: identity.is_some() }, exit);
    Ok(exit)
}

/// Kind and place of a source. Of a command only its program: the arguments may be telling.
fn described(source: &SecretSource) -> (&'static str, String) {
    match source {
        SecretSource::Age { file, .. } => ("age", file.display().to_string()),
        SecretSource::File(file) => ("file", file.display().to_string()),
        SecretSource::Variable(name) => ("environment", name.clone()),
        SecretSource::Command { words, .. } => ("command", words.first().cloned().unwrap_or_default()),
    }
}
