//! Registries that speak the OCI distribution protocol.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::{sleep, timeout};

use super::credentials::Logins;
use super::{Registry, RegistryError, chain, manifest};
use crate::environment;
use crate::image::digest::Digest;
use crate::image::parcel::Parcel;
use crate::image::reference::Reference;

mod certificate;
mod failure;
mod keep;
mod mount;
mod pass;
mod places;
mod push;
mod read;
mod session;
mod upload;
mod wire;

use failure::Failure;
use pass::Passes;
use places::Mirror;
pub(super) use wire::retry_after;

/// To connect, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one try, with everything it takes.
const TRY_TIMEOUT: Duration = Duration::from_secs(20);
/// For one piece of a blob, and for a registry's last word on it.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// Who asks.
const USER_AGENT: &str = concat!("shipctl/", env!("CARGO_PKG_VERSION"));
/// The longest that a registry can have us wait before a further try.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a question is put, and the pauses in between.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The registries of an environment: its own with its own rules of trust, all others with the system's; for what is Docker Hub's,
/// mirrors before it.
pub struct OciRegistry {
    /// The environment's registry and how it is reached.
    own: Option<(String, Arc<Access>)>,
    others: Arc<Access>,
    /// Mirrors of Docker Hub.
    mirrors: Vec<Mirror>,
    /// Which mirror has said what a tag leads to, by the digest.
    told: Mutex<BTreeMap<String, String>>,
    logins: Arc<Logins>,
}

struct Access {
    scheme: &'static str,
    /// Follows no redirects by itself: what is sent holds credentials.
    http: reqwest::Client,
    /// The same, for what takes its time: bytes on their way, and a registry that goes over what it was sent.
    slow: reqwest::Client,
    passes: Passes,
}

impl OciRegistry {
    /// Reads the environment's certificate authority; contacts nobody. A TLS provider must be installed.
    /// Paths are relative to `root`.
    pub fn open(root: &Path, own: Option<&environment::Registry>, logins: Arc<Logins>) -> Result<Self, RegistryError> {
        let open = |own: &environment::Registry| {
            let authority = own.ca.as_ref().map(|ca| read_authority(&root.join(ca))).transpose()?;
            Ok((own.host.clone(), Arc::new(Access::new(own.insecure, authority.as_deref())?)))
        };
        let own = own.map(open).transpose()?;
        Ok(Self {
            own,
            others: Arc::new(Access::new(false, None)?),
            mirrors: Vec::new(),
            told: Mutex::default(),
            logins,
        })
    }

    /// The mirror that said so, where a tag was found to lead to this digest and it was not its own registry that said it.
    pub fn told_by(&self, digest: &str) -> Option<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn access(&self, registry: &str) -> &Arc<Access> {
        self.own.as_ref().filter(|(host, _)| host == registry).map_or(&self.others, |(_, access)| access)
    }
}

#[async_trait]
impl Registry for OciRegistry {
    async fn resolve(&self, image: &Reference) -> Result<Digest, RegistryError> {
        let asked = self.ask_for(image, |at| Box::pin(at.access.resolve(&at.image, &at.credentials)));
        let (digest, mirror) = asked.await?;
        if let Some(mirror) = mirror {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(digest.to_string(), mirror.to_owned());
        }
        Ok(digest)
    }

    async fn labels(&self, image: &Reference) -> Result<BTreeMap<String, String>, RegistryError> {
        let asked = self.ask_for(image, |at| Box::pin(at.access.labels(&at.image, &at.credentials)));
        asked.await.map(|(labels, _)| labels)
    }

    async fn configuration(&self, image: &Reference) -> Result<Option<Digest>, RegistryError> {
        let asked = self.ask_for(image, |at| Box::pin(at.access.manifest(&at.image, &at.credentials)));
        let ((manifest, _), _) = asked.await?;
        Ok(manifest::config(&manifest))
    }

    async fn push(
        &self,
        image: &Reference,
        parcel: &Parcel,
        others: &[Reference],
        told: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Digest, RegistryError> {
        self.send(image, parcel, others, told).await
    }
}

/// Puts a question again while there is hope for an answer.
async fn patiently<T, F>(registry: &str, ask: impl Fn() -> F) -> Result<T, RegistryError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pauses = PAUSES.iter();
    loop {
        let (reason, after) = match timeout(TRY_TIMEOUT, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Failure::Final(error))) => return Err(error),
            Ok(Err(Failure::Again { reason, after })) => (reason, after),
            Err(_) => (format!("no answer within {} s", TRY_TIMEOUT.as_secs()), None),
        };
        match pauses.next() {
            Some(pause) => sleep(pause_of(*pause, after)).await,
            None => return Err(RegistryError::Unreachable { registry: registry.to_owned(), reason }),
        }
    }
}

/// What a registry asks for counts, up to a limit.
fn pause_of(own: Duration, asked: Option<Duration>) -> Duration {
    own.max(asked.unwrap_or_default().min(LONGEST_PAUSE))
}

impl Access {
    fn new(insecure: bool, authority: Option<&[u8]>) -> Result<Self, RegistryError> {
        let failed = |error: &dyn Error| RegistryError::Authority { path: "TLS".to_owned(), reason: chain(error) };
        let pem = authority.unwrap_or_default();
        let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| failed(&error))?;
        let http = |patience: Duration| {
            let http = reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(patience)
                .redirect(reqwest::redirect::Policy::none());
            http.tls_certs_merge(authorities.clone()).build().map_err(|error| failed(&error))
        };
        Ok(Self {
            scheme: if insecure { "http" } else { "https" },
            http: http(TRY_TIMEOUT)?,
            slow: http(UPLOAD_TIMEOUT)?,
            passes: Passes::default(),
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_cannot_have_us_wait_for_a_day() {
        let own = Duration::from_millis(250);
        let asked = |seconds| pause_of(own, Some(Duration::from_secs(seconds)));
        assert_eq!((asked(86_400), asked(7)), (LONGEST_PAUSE, Duration::from_secs(7)));
        assert_eq!((asked(0), pause_of(own, None)), (own, own));
    }
}
