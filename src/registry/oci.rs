//! Registries that speak the OCI distribution protocol.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_distribution::client::{Certificate, CertificateEncoding, Client, ClientConfig, ClientProtocol};
use oci_distribution::errors::{OciDistributionError, OciErrorCode};
use oci_distribution::secrets::RegistryAuth;
use oci_distribution::token_cache::RegistryTokenType;
use oci_distribution::{Reference as OciReference, RegistryOperation};
use reqwest::StatusCode;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::{sleep, timeout};

use super::credentials::{Credentials, Logins};
use super::token::{Scope, TokenError, may_pass, obtain};
use super::{Registry, RegistryError, chain, manifest};
use crate::environment;
use crate::image::digest::Digest;
use crate::image::printable::printable;
use crate::image::reference::Reference;

mod keep;

/// To connect, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one try, with everything it takes.
const TRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a question is put, and the pauses in between.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The registries of an environment: its own with its own rules of trust, all others with the system's.
pub struct OciRegistry {
    /// The environment's registry and how it is reached.
    own: Option<(String, Access)>,
    others: Access,
    logins: Arc<Logins>,
}

struct Access {
    scheme: &'static str,
    client: Client,
    /// For challenges and tokens. Follows no redirects: what is sent there holds credentials.
    http: reqwest::Client,
}

impl OciRegistry {
    /// Reads the environment's certificate authority; contacts nobody. A TLS provider must be installed.
    /// Paths are relative to `root`.
    pub fn open(root: &Path, own: Option<&environment::Registry>, logins: Arc<Logins>) -> Result<Self, RegistryError> {
        let open = |own: &environment::Registry| {
            let authority = own.ca.as_ref().map(|ca| read_authority(&root.join(ca))).transpose()?;
            Ok((own.host.clone(), Access::new(own.insecure, authority)?))
        };
        let own = own.map(open).transpose()?;
        Ok(Self { own, others: Access::new(false, None)?, logins })
    }

    fn access(&self, registry: &str) -> &Access {
        self.own.as_ref().filter(|(host, _)| host == registry).map_or(&self.others, |(_, access)| access)
    }
}

#[async_trait]
impl Registry for OciRegistry {
    async fn resolve(&self, image: &Reference) -> Result<Digest, RegistryError> {
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        patiently(image.registry(), || access.resolve(image, &credentials)).await
    }

    async fn labels(&self, image: &Reference) -> Result<BTreeMap<String, String>, RegistryError> {
        let credentials = self.logins.of(image.registry()).await?;
        let access = self.access(image.registry());
        patiently(image.registry(), || access.labels(image, &credentials)).await
    }
}

/// Puts a question again while there is hope for an answer.
async fn patiently<T, F>(registry: &str, ask: impl Fn() -> F) -> Result<T, RegistryError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pauses = PAUSES.iter();
    loop {
        let reason = match timeout(TRY_TIMEOUT, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Failure::Final(error))) => return Err(error),
            Ok(Err(Failure::Again(reason))) => reason,
            Err(_) => format!("no answer within {} s", TRY_TIMEOUT.as_secs()),
        };
        match pauses.next() {
            Some(pause) => sleep(*pause).await,
            None => return Err(RegistryError::Unreachable { registry: registry.to_owned(), reason }),
        }
    }
}

/// How one try ended.
enum Failure {
    Final(RegistryError),
    Again(String),
}

impl Access {
    fn new(insecure: bool, authority: Option<Vec<u8>>) -> Result<Self, RegistryError> {
        let failed = |error: &dyn Error| RegistryError::Authority { path: "TLS".to_owned(), reason: chain(error) };
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(TRY_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &authority {
            http = http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(|error| failed(&error))?);
        }
        let config = ClientConfig {
            protocol: if insecure { ClientProtocol::Http } else { ClientProtocol::Https },
            extra_root_certificates: authority
                .map(|data| Certificate { encoding: CertificateEncoding::Pem, data })
                .into_iter()
                .collect(),
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(TRY_TIMEOUT),
            // Of an image that was made for one platform there is one, beside what speaks of it.
            platform_resolver: Some(Box::new(|entries| entries.first().map(|entry| entry.digest.clone()))),
            user_agent: concat!("shipctl/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        Ok(Self {
            scheme: if insecure { "http" } else { "https" },
            client: Client::try_from(config).map_err(|error| failed(&error))?,
            http: http.build().map_err(|error| failed(&error))?,
        })
    }

    async fn labels(&self, image: &Reference, credentials: &Credentials) -> Result<BTreeMap<String, String>, Failure> {
        let reference = to_oci(image);
        let granted = self.enter(&reference, image, credentials).await?;
        let (_, _, config) = self
            .client
            .pull_manifest_and_config(&reference, &RegistryAuth::Anonymous)
            .await
            .map_err(|error| from_oci(error, image, credentials, granted))?;
        manifest::labels(&config).map_err(|reason| invalid(image, reason))
    }

    /// Obtains a token where one is needed; whether who we are was accepted.
    async fn enter(
        &self,
        reference: &OciReference,
        image: &Reference,
        credentials: &Credentials,
    ) -> Result<bool, Failure> {
        let base = format!("{}://{}", self.scheme, reference.resolve_registry());
        let token = obtain(&self.http, &base, Scope::Pull(image.path()), credentials)
            .await
            .map_err(|error| from_token(error, image, credentials))?;
        let granted = matches!(token, Some(RegistryTokenType::Bearer(_)));
        if let Some(token) = token {
            self.client.tokens.insert(reference, RegistryOperation::Pull, token).await;
        }
        Ok(granted)
    }
}

/// What cannot be used, and is no better next time.
fn invalid(image: &Reference, reason: String) -> Failure {
    Failure::Final(RegistryError::Invalid { registry: image.registry().to_owned(), reason })
}

fn to_oci(image: &Reference) -> OciReference {
    let (registry, path) = (image.registry().to_owned(), image.path().to_owned());
    match (image.digest(), image.tag()) {
        (Some(digest), _) => OciReference::with_digest(registry, path, digest.as_str().to_owned()),
        (None, tag) => OciReference::with_tag(registry, path, tag.unwrap_or_default().to_owned()),
    }
}

fn from_token(error: TokenError, image: &Reference, credentials: &Credentials) -> Failure {
    match error {
        TokenError::Unauthorized => Failure::Final(unauthorized(image, credentials, false)),
        TokenError::Again(reason) => Failure::Again(reason),
        TokenError::Request(error) => from_request(&error, image),
        TokenError::Invalid(reason) => invalid(image, reason),
    }
}

fn from_oci(error: OciDistributionError, image: &Reference, credentials: &Credentials, granted: bool) -> Failure {
    let registry = image.registry().to_owned();
    let not_found = || RegistryError::NotFound { registry: registry.clone(), image: image.to_string() };
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Failure::Final(unauthorized(image, credentials, granted))
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound) => {
                    Failure::Final(not_found())
                }
                Some(OciErrorCode::Unauthorized) => Failure::Final(unauthorized(image, credentials, granted)),
                Some(OciErrorCode::Denied) => Failure::Final(unauthorized(image, credentials, true)),
                Some(OciErrorCode::Toomanyrequests) => Failure::Again("it asks for fewer requests".to_owned()),
                _ => Failure::Final(RegistryError::Refused { registry, reason: printable(&envelope.to_string()) }),
            }
        }
        OciDistributionError::ServerError { code, message, .. } => match StatusCode::from_u16(code) {
            Ok(StatusCode::NOT_FOUND) => Failure::Final(not_found()),
            Ok(StatusCode::FORBIDDEN) => Failure::Final(unauthorized(image, credentials, true)),
            Ok(status) if may_pass(status) => Failure::Again(format!("it answered {status}")),
            _ => Failure::Final(RegistryError::Refused { registry, reason: printable(&format!("{code} {message}")) }),
        },
        OciDistributionError::RequestError(error) => from_request(&error, image),
        other => Failure::Final(RegistryError::Invalid { registry, reason: printable(&chain(&other)) }),
    }
}

fn from_request(error: &reqwest::Error, image: &Reference) -> Failure {
    let registry = image.registry().to_owned();
    // Trust does not come with time: what fails in TLS fails at once.
    let reason = match tls_error(error) {
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        Some(error) => printable(&error.to_string()),
        None => return Failure::Again(printable(&chain(error))),
    };
    Failure::Final(RegistryError::Untrusted { registry, reason })
}

/// `granted` says that who we are was accepted, so that only the repository can be what is refused.
fn unauthorized(image: &Reference, credentials: &Credentials, granted: bool) -> RegistryError {
    let (registry, path) = (image.registry().to_owned(), image.path().to_owned());
    let origin = credentials.origin.clone();
    if granted {
        RegistryError::Denied { registry, path, origin }
    } else {
        RegistryError::Unauthorized { registry, path, origin }
    }
}

/// The TLS error beneath a failed request. I/O errors are wrapped in each other, out of reach of `source`.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn read_authority(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let failed = |reason: String| RegistryError::Authority { path: path.display().to_string(), reason };
    let pem = fs::read(path).map_err(|error| failed(error.to_string()))?;
    // A file without a certificate would otherwise be taken for no authority at all.
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(pem),
        Some(Err(error)) => Err(failed(error.to_string())),
        None => Err(failed("there is no certificate in it".to_owned())),
    }
}
