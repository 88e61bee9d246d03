//! The certificate that a registry shows, where it is not trusted: its fingerprint tells whoever knows the right one whose it is.

use std::sync::{Arc, Mutex, PoisonError};

use hyper_rustls::HttpsConnectorBuilder;
use reqwest::Url;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tower_service::Service;

use super::CONNECT_TIMEOUT;

/// The SHA-256 of the certificate, as openssl writes it. Nothing is sent over the connection: it ends once that was seen.
pub(super) async fn fingerprint(place: &Url) -> Option<String> {
    let provider = Arc::clone(CryptoProvider::get_default()?);
    let look = Arc::new(Look { seen: Mutex::default(), provider });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&look) as _;
    let config = ClientConfig::builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    let mut connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
    // It always fails, after the certificate was seen or before.
    let _failed = timeout(CONNECT_TIMEOUT, connector.call(place.as_str().parse().ok()?)).await;
    look.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Sees a certificate and accepts none.
#[derive(Debug)]
struct Look {
    seen: Mutex<Option<String>>,
    provider: Arc<CryptoProvider>,
}

fn only_looked() -> Error {
    Error::General("the certificate was only looked at".to_owned())
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let bytes = Sha256::digest(end_entity);
        let text: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.join(":"));
        Err(only_looked())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(only_looked())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
