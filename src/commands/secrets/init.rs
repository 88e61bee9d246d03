//! `secrets init`: an identity of one's own.

use anyhow::anyhow;

use crate::cli::{self, Target};
use crate::commands::Context;
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::report::identity::{IdentityAnswer, Standing};
use crate::sealed::identity::Places;
use crate::sealed::{Identity, SealedError};

use super::sealing::refused;

/// Finds the operator's identity or makes one, and says what others need of it.
pub(in crate::commands) fn run(context: &Context, arguments: &cli::SecretsInit) -> Result<Exit> {
    let target = arguments.environment.clone().map(|environment| Target { environment });
    let environment = target.map(|target| context.secrets_environment(&target)).transpose()?;
    let places = Places::of(environment.as_ref());
    let (identity, is_new) = match Identity::find(&places) {
        Ok(identity) => (identity, false),
        Err(error) if is_missing(&error) => {
            let homeless = || Error::bad_input(anyhow!("there is no place for an identity: HOME is not set"));
            let path = places.fresh().ok_or_else(|| homeless().hint("name a file with SHIPCTL_AGE_KEY_FILE"))?;
            (Identity::create(path, context.clock.now()).map_err(|error| refused(&error))?, true)
        }
        Err(error) => return Err(refused(&error)),
    };
    let recipients = identity.recipients();
    let standing = match environment {
        None => Standing::Unasked,
        Some(Environment { age, .. }) if recipients.iter().any(|own| age.recipients.contains(own)) => {
            Standing::Recipient
        }
        Some(Environment { age, .. }) if age.recipients.is_empty() => Standing::First,
        Some(_) => Standing::Stranger,
    };
    let answer = IdentityAnswer {
        place: identity.place().to_owned(),
        is_new,
        recipients: recipients.iter().map(ToString::to_string).collect(),
        environment: arguments.environment.clone(),
        standing,
    };
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// Whether nothing is in the way of a new identity.
fn is_missing(error: &SealedError) -> bool {
    match error {
        SealedError::NoIdentity { .. } => true,
        SealedError::IdentityUnreadable { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
