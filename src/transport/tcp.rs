//! An engine whose API listens on TCP, with mutual TLS or (where the manifest insists) without.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::{Program, Socket, Stream, Transport, TransportError};
use crate::fleet::TlsFiles;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A way to an engine's TCP address.
#[derive(Debug)]
pub struct TcpTransport {
    host: String,
    uri: Uri,
    connector: HttpsConnector<HttpConnector>,
}

impl TcpTransport {
    /// Reads the certificates. Nothing is contacted yet.
    pub fn connect(host: &str, port: u16, tls: Option<&TlsFiles>) -> Result<Self, TransportError> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let uri = format!("{scheme}://{bracketed}:{port}")
            .parse()
            .map_err(|_| failed(format!("`{host}` is not a host name or address")))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let config = match tls {
            Some(files) => mutual_tls(files)?,
            None => client_config()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        };
        Ok(Self { host: host.to_owned(), uri, connector: HttpsConnector::from((tcp, Arc::new(config))) })
    }
}

#[async_trait]
impl Transport for TcpTransport {
    async fn engine(&self) -> Result<Box<dyn Stream>, TransportError> {
        // The limit covers the TLS handshake too, which the connector's own does not.
        match tokio::time::timeout(CONNECT_TIMEOUT, self.connector.clone().call(self.uri.clone())).await {
            Ok(Ok(stream)) => Ok(Box::new(TokioIo::new(stream))),
            Ok(Err(error)) => Err(failed(format!(
                "cannot connect to {}: {}",
                self.uri.authority().map_or("", |a| a.as_str()),
                causes(&*error)
            ))),
            Err(_) => Err(failed(format!("{} did not answer within {} s", self.uri, CONNECT_TIMEOUT.as_secs()))),
        }
    }

    async fn dial(&self, _to: SocketAddr) -> Option<Result<Box<dyn Stream>, TransportError>> {
        None
    }

    async fn sockets(&self, _: u32) -> Option<Result<String, TransportError>> {
        None
    }

    async fn start(&self, _words: &[String]) -> Option<Result<Program, TransportError>> {
        None
    }

    fn address(&self) -> Option<String> {
        Some(self.host.clone())
    }

    async fn close(&self) {}
}

/// A TCP port that is no engine's, as seen from here.
#[derive(Debug)]
pub struct TcpSocket(pub String, pub u16);

#[async_trait]
impl Socket for TcpSocket {
    async fn open(&self) -> Result<Box<dyn Stream>, TransportError> {
        let Self(host, port) = self;
        match timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), *port))).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(failed(format!("cannot connect to {host}:{port}: {error}"))),
            Err(_) => Err(failed(format!("no connection to {host}:{port} within {} s", CONNECT_TIMEOUT.as_secs()))),
        }
    }

    async fn close(&self) {}
}

fn client_config() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TransportError> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(format!("TLS cannot be set up: {error}")))
}

fn mutual_tls(files: &TlsFiles) -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(|error| unreadable(&files.ca, &error))?;
    }
    let chain = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, &error))?;
    client_config()?.with_root_certificates(roots).with_client_auth_cert(chain, key).map_err(|error| {
        failed(format!("{} and {} do not go together: {error}", files.cert.display(), files.key.display()))
    })
}

/// The certificates of a PEM file; one without any is an error.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(failed(format!("{} holds no certificate", path.display()))),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> TransportError {
    failed(format!("cannot use {}: {error}", path.display()))
}

fn failed(message: String) -> TransportError {
    TransportError { message, hint: None }
}

/// An error with its causes: the outermost alone says only that connecting failed.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
