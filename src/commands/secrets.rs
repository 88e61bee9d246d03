//! Values of secrets: from files, from files encrypted with age, from the environment of this process, and from commands
//! such as `op`, `vault`, `sops` and `pass`. Beneath it are the verbs of `secrets`, a file each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::duration;
use crate::environment::publish::PublishedValue;
use crate::environment::secret::{MAX_BYTES, SecretError};
use crate::environment::{Balancer, Environment, Secret, SecretSource};
use crate::error::{Error, Result};
use crate::manifest::{Diagnostic, Diagnostics};
use crate::name::SecretName;
use crate::redact::Redactor;
use crate::report::clean::clip;
use crate::sealed::Safe;
use crate::transport::process;

mod ask;
pub(super) mod edit;
pub(super) mod init;
pub(super) mod list;
pub(super) mod rotate;
mod sealing;
pub(super) mod set;
pub(super) mod view;

use sealing::explained;

/// Characters of a failed command's last line that are shown.
const LAST_WORDS: usize = 200;

/// The values of all secrets that something in the environment uses. `redactor` learns them.
pub(super) async fn read(environment: &Environment, redactor: &Redactor) -> Result<BTreeMap<SecretName, Secret>> {
    let mut safe = Safe::new(environment);
    let values = values_of(environment, used(environment), &mut safe).await;
    let keys = safe.keys();
    redactor.learn(keys.iter().map(|key| ("age identity", key)));
    let values = values?;
    redactor.learn(values.iter().map(|(name, secret)| (name.as_str(), secret)));
    Ok(values)
}

/// The values of these secrets.
pub(super) async fn values(
    environment: &Environment,
    names: impl IntoIterator<Item = &SecretName>,
) -> Result<BTreeMap<SecretName, Secret>> {
    values_of(environment, names, &mut Safe::new(environment)).await
}

/// The values of these secrets alone. `redactor` learns them, and all others that can be read without running a command:
/// whoever goes back needs no others, but what containers print may hold them.
pub(super) async fn only(
    environment: &Environment,
    names: impl IntoIterator<Item = &SecretName>,
    redactor: &Redactor,
) -> Result<BTreeMap<SecretName, Secret>> {
    let mut safe = Safe::new(environment);
    let values = values_of(environment, names, &mut safe).await?;
    redactor.learn(values.iter().map(|(name, secret)| (name.as_str(), secret)));
    for name in used(environment) {
        let is_command = matches!(environment.secrets.get(name), Some(SecretSource::Command { .. }));
        if !is_command && let Ok(secret) = value(environment, name, &mut safe).await {
            redactor.learn([(name.as_str(), &secret)]);
        }
    }
    Ok(values)
}

/// Those of these secrets that can be had, for what must not fail for want of one. `redactor` learns them.
pub(super) async fn present<'s>(
    environment: &Environment,
    names: impl IntoIterator<Item = &'s SecretName>,
    redactor: &Redactor,
) -> BTreeMap<SecretName, Secret> {
    let (mut safe, mut values) = (Safe::new(environment), BTreeMap::new());
    for name in names {
        if let Ok(secret) = value(environment, name, &mut safe).await {
            redactor.learn([(name.as_str(), &secret)]);
            values.insert(name.clone(), secret);
        }
    }
    values
}

async fn values_of(
    environment: &Environment,
    names: impl IntoIterator<Item = &SecretName>,
    safe: &mut Safe<'_>,
) -> Result<BTreeMap<SecretName, Secret>> {
    let (mut values, mut missing) = (BTreeMap::new(), IndexMap::<String, Vec<String>>::new());
    for name in names {
        match value(environment, name, safe).await {
            Ok(secret) => drop(values.insert(name.clone(), secret)),
            Err(why) => missing.entry(why).or_default().push(format!("`{name}`")),
        }
    }
    // What keeps a whole file from being read is told once.
    let missing = missing.into_iter().map(|(why, names)| {
        Diagnostic::general(match names.as_slice() {
            [name] => format!("the secret {name} has no value: {why}"),
            names => format!("the secrets {} have no value: {why}", names.join(", ")),
        })
    });
    Diagnostics::check(missing.collect()).map_err(Error::bad_input)?;
    Ok(values)
}

fn used(environment: &Environment) -> BTreeSet<&SecretName> {
    let services = environment.services.values().chain(environment.overrides.values());
    let files = services.flat_map(|service| service.secrets.iter().map(|file| &file.source));
    let built = environment.services.values().filter_map(|service| service.build.as_ref());
    let built = built.flat_map(|build| build.secrets.values());
    let login = environment.registry.as_ref().and_then(|registry| registry.login.as_ref());
    let stores = environment.publish.values().flat_map(|store| {
        let published = store.values.values().filter_map(|value| match value {
            PublishedValue::Secret(secret) => Some(secret),
            PublishedValue::Text(_) => None,
        });
        published.chain(store.store.secret())
    });
    let balancers = environment.balancers.values().filter_map(Balancer::secret);
    files.chain(built).chain(stores).chain(balancers).chain(login.map(|login| &login.password)).collect()
}

/// The value of a secret, or why there is none.
async fn value(environment: &Environment, name: &SecretName, safe: &mut Safe<'_>) -> Result<Secret, String> {
    let source = environment.secrets.get(name).ok_or("it is not declared under `secrets`")?;
    let read = match source {
        SecretSource::Command { words, timeout } => output(words, *timeout, &environment.root).await,
        SecretSource::Age { file, key } => return safe.value(file, key).map_err(|error| explained(&error)),
        SecretSource::File(_) | SecretSource::Variable(_) => match source.read(&environment.root) {
            Some(read) => read,
            None => unreachable!("a file or a variable is read at once"),
        },
    };
    read.map_err(|error| error.to_string())
}

/// What a command prints. It runs in the project's folder, without a terminal, so that it cannot ask for anything, and
/// is killed when its time is up. Its arguments and what it prints are never shown; of a failure, its last words are.
async fn output(words: &[String], patience: Duration, root: &Path) -> std::result::Result<Secret, SecretError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SecretError::Empty("the command".to_owned()));
    };
    let failed = |reason: String| SecretError::Command { program: program.clone(), reason };
    let mut command = process::command(program);
    command.args(arguments).current_dir(root).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (value, complaint) = tokio::join!(read_some(stdout), read_some(stderr));
        (child.wait().await, value, complaint)
    };
    let Ok((status, value, complaint)) = timeout(patience, ended).await else {
        return Err(failed(format!("did not end within {}", duration::display(patience))));
    };
    match status {
        Ok(status) if status.success() => Secret::from_output(&format!("what `{program}` prints"), value),
        Ok(status) => {
            let complaint = String::from_utf8_lossy(&complaint);
            // It may have printed the value before it failed, and complain with it.
            let redactor = Redactor::default();
            let printed = Secret::new(String::from_utf8_lossy(&value).into_owned());
            redactor.learn([("…", &printed)]);
            let complaint = redactor.text(&complaint);
            let last = complaint.lines().rev().find(|line| !line.trim().is_empty());
            Err(failed(match last {
                Some(last) => format!("failed ({status}): {}", clip(last, LAST_WORDS)),
                None => format!("failed ({status})"),
            }))
        }
        Err(error) => Err(failed(format!("cannot be waited for: {error}"))),
    }
}

/// As much as a secret may be, and a little more, which shows that there is more; the rest is read and dropped.
async fn read_some(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let mut kept = Vec::new();
    // What was read before an error is what there is: the command's end says whether it went well.
    let _kept = (&mut stream).take(MAX_BYTES + 3).read_to_end(&mut kept).await;
    let _dropped = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    kept
}
