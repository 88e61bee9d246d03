//! Credentials that `docker login` left behind, in its configuration or with one of its helpers.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use tokio::sync::oneshot;

use super::RegistryError;
use super::credentials::{Credentials, Kind, Origin, docker_key};
use crate::environment::Secret;

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks the Docker configuration. The library blocks, without end if a helper does, so it gets a thread of its own: unlike
/// a blocking task of the runtime, one that hangs cannot hold up the end of the program.
pub(super) async fn find(path: PathBuf, registry: &str) -> Result<Credentials, RegistryError> {
    let failed = |reason: String| RegistryError::Credentials { registry: registry.to_owned(), reason };
    let (answer, answered) = oneshot::channel();
    let server = docker_key(registry).to_owned();
    std::thread::Builder::new()
        .name("credentials".to_owned())
        // Whoever waited may have given up; there is nobody else to tell.
        .spawn(move || drop(answer.send(read(&path, &server))))
        .map_err(|error| failed(error.to_string()))?;
    match tokio::time::timeout(HELPER_TIMEOUT, answered).await {
        Ok(Ok(Ok(credentials))) => Ok(credentials),
        Ok(Ok(Err(reason))) => Err(failed(reason)),
        Ok(Err(_)) => Err(failed("reading the Docker configuration failed".to_owned())),
        Err(_) => Err(failed(format!("the credential helper did not answer within {} s", HELPER_TIMEOUT.as_secs()))),
    }
}

fn read(path: &Path, server: &str) -> Result<Credentials, String> {
    let anonymous = || Ok(Credentials::anonymous());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return anonymous(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let reason = match docker_credential::get_credential_from_reader(BufReader::new(file), server) {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            let origin = Origin::DockerConfig { username: Some(username.clone()) };
            return Ok(Credentials { origin, kind: Kind::Password { username, password: Secret::new(password) } });
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            let origin = Origin::DockerConfig { username: None };
            return Ok(Credentials { origin, kind: Kind::IdentityToken(Secret::new(token)) });
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => return anonymous(),
        // What helpers say, by convention, about registries that they do not know.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            return anonymous();
        }
        // Not what the helper printed: that may be the secret itself.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => format!("`{helper} get` failed"),
        Err(CredentialRetrievalError::HelperCommunicationError) => {
            "the credential helper that it names cannot be started".to_owned()
        }
        Err(CredentialRetrievalError::MalformedHelperResponse) => {
            "the credential helper that it names gave an answer that cannot be read".to_owned()
        }
        Err(error) => error.to_string(),
    };
    Err(format!("{}: {reason}", path.display()))
}

/// Where Docker keeps its configuration, by the variables of the process.
pub fn path() -> Option<PathBuf> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = directory("DOCKER_CONFIG").or_else(|| directory("HOME").map(|home| home.join(".docker")));
    directory.map(|directory| directory.join("config.json"))
}
