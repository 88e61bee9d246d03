//! Who we are to a registry. Credentials come from the manifest or from the Docker configuration and its helpers, and go
//! to the registry and to engines; never into arguments, logs or messages.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bollard::auth::DockerCredentials;
use http::{HeaderMap, HeaderValue};
use tokio::sync::Mutex;

use super::{RegistryError, docker_config};
use crate::environment::{self, Secret};
use crate::image::reference::DEFAULT_REGISTRY;
use crate::name::SecretName;
use crate::redact::Redactor;

/// What Docker keeps the credentials of its default registry under.
const DEFAULT_REGISTRY_KEY: &str = "https://index.docker.io/v1/";

/// Where credentials came from, as an operator would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `registry.username` and `registry.password` of the manifest.
    Manifest {
        /// The user name.
        username: String,
        /// The secret that holds the password.
        secret: SecretName,
    },
    /// The Docker configuration or one of its helpers.
    DockerConfig {
        /// The user name; tokens have none.
        username: Option<String>,
    },
    /// There are none; access is anonymous.
    Nothing,
}

impl Origin {
    /// What to do when a registry does not accept these.
    pub fn hint(&self, registry: &str) -> String {
        match self {
            Self::Manifest { secret, .. } => {
                format!("check `registry.username` and the value of the secret `{secret}`")
            }
            Self::DockerConfig { .. } => format!("run `docker login {registry}` again"),
            Self::Nothing => format!(
                "give `registry.username` and `registry.password` in the manifest, or run `docker login {registry}`"
            ),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { username, secret } => {
                write!(f, "user {username:?} with the secret `{secret}`, from the manifest")
            }
            Self::DockerConfig { username: Some(username) } => {
                write!(f, "user {username:?}, from the Docker configuration")
            }
            Self::DockerConfig { username: None } => f.write_str("a token from the Docker configuration"),
            Self::Nothing => f.write_str("no credentials: neither the manifest nor the Docker configuration has any"),
        }
    }
}

/// Credentials of one registry. They can be handed over but not shown.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Where they came from.
    pub origin: Origin,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Anonymous,
    Password { username: String, password: Secret },
    IdentityToken(Secret),
}

impl Credentials {
    pub(super) fn anonymous() -> Self {
        Self { origin: Origin::Nothing, kind: Kind::Anonymous }
    }

    /// As an engine takes them, in the `X-Registry-Auth` header of a pull or push; `None` is anonymous.
    pub fn for_engine(&self, registry: &str) -> Option<DockerCredentials> {
        let address = Some(docker_key(registry).to_owned());
        match &self.kind {
            Kind::Anonymous => None,
            Kind::Password { username, password } => Some(DockerCredentials {
                username: Some(username.clone()),
                password: Some(password.expose().to_owned()),
                serveraddress: address,
                ..DockerCredentials::default()
            }),
            Kind::IdentityToken(token) => Some(DockerCredentials {
                identitytoken: Some(token.expose().to_owned()),
                serveraddress: address,
                ..DockerCredentials::default()
            }),
        }
    }
}

impl Credentials {
    /// As BuildKit takes them: user and password, or no user and a token; both are empty for nobody.
    pub fn for_session(&self) -> (String, String) {
        match &self.kind {
            Kind::Anonymous => (String::new(), String::new()),
            Kind::Password { username, password } => (username.clone(), password.expose().to_owned()),
            Kind::IdentityToken(token) => (String::new(), token.expose().to_owned()),
        }
    }
}

/// The credentials of all registries of an environment; each is looked up once, when it is first needed.
#[derive(Debug)]
pub struct Logins {
    docker_config: Option<PathBuf>,
    redactor: Redactor,
    found: Mutex<BTreeMap<String, Credentials>>,
}

impl Logins {
    /// Takes the manifest's credentials, if it has any; `secrets` must hold the password that it names. All other
    /// registries are looked up in `docker_config` (see [`docker_config::path`]), which is read when it is first needed;
    /// what is found there, `redactor` learns.
    pub fn new(
        registry: Option<&environment::Registry>,
        secrets: &BTreeMap<SecretName, Secret>,
        docker_config: Option<PathBuf>,
        redactor: Redactor,
    ) -> Result<Arc<Self>, RegistryError> {
        let mut found = BTreeMap::new();
        if let Some((host, login)) = registry.and_then(|registry| Some((&registry.host, registry.login.as_ref()?))) {
            let password = secrets.get(&login.password).cloned().ok_or_else(|| RegistryError::Credentials {
                registry: host.clone(),
                reason: format!("the secret `{}` has no value", login.password),
            })?;
            let username = login.username.clone();
            let origin = Origin::Manifest { username: username.clone(), secret: login.password.clone() };
            found.insert(host.clone(), Credentials { origin, kind: Kind::Password { username, password } });
        }
        Ok(Arc::new(Self { docker_config, redactor, found: Mutex::new(found) }))
    }

    /// The credentials of a registry (`host[:port]`).
    pub async fn of(&self, registry: &str) -> Result<Credentials, RegistryError> {
        let mut found = self.found.lock().await;
        if let Some(credentials) = found.get(registry) {
            return Ok(credentials.clone());
        }
        let credentials = match &self.docker_config {
            Some(path) => docker_config::find(path.clone(), registry).await?,
            None => Credentials::anonymous(),
        };
        if let Kind::Password { password: secret, .. } | Kind::IdentityToken(secret) = &credentials.kind {
            self.redactor.learn([(registry, secret)]);
        }
        found.insert(registry.to_owned(), credentials.clone());
        Ok(credentials)
    }

    /// All of `registries` that have credentials, as an engine takes them for a build (`X-Registry-Config`).
    pub async fn for_build(&self, registries: &[&str]) -> Result<HashMap<String, DockerCredentials>, RegistryError> {
        let mut all = HashMap::new();
        for registry in registries {
            if let Some(credentials) = self.of(registry).await?.for_engine(registry) {
                all.insert(docker_key(registry).to_owned(), credentials);
            }
        }
        Ok(all)
    }
}

/// The name under which Docker keeps the credentials of a registry.
pub(super) fn docker_key(registry: &str) -> &str {
    if registry == DEFAULT_REGISTRY { DEFAULT_REGISTRY_KEY } else { registry }
}

/// Puts right how bollard 0.21 writes credentials into a request: engines read URL-safe base64 and take a header in the
/// plain alphabet for no credentials at all, so that some passwords would be refused and most would not. Every client of
/// an engine must pass its requests through this.
pub fn make_url_safe(headers: &mut HeaderMap) {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = headers.get_mut(name) else { continue };
        let bytes = value.as_bytes().iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        });
        if let Ok(mut safe) = HeaderValue::from_bytes(&bytes.collect::<Vec<u8>>()) {
            safe.set_sensitive(true);
            *value = safe;
        }
    }
}
