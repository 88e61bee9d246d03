//! The Docker API over a [`Transport`]: pooled connections, one negotiated API version, a limit on every call.

use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::models::SystemVersion;
use bollard::{BollardRequest, ClientVersion, Docker};
use futures_util::future::BoxFuture;
use http::uri::{InvalidUri, PathAndQuery};
use http::{Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::EngineError;
use crate::registry::credentials::make_url_safe;
use crate::transport::{Transport, TransportError};

mod connector;

use connector::Connector;

/// For calls that are answered at once by a healthy engine.
pub const SHORT: Duration = Duration::from_secs(30);

/// The oldest API that is spoken, that of Docker 20.10.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };
/// Every call has a limit of ours; bollard's own covers only the head of a response.
const NO_LIMIT_SECONDS: u64 = 24 * 60 * 60;
const POOL_IDLE: Duration = Duration::from_mins(1);
const POOL_SIZE: usize = 8;

/// Sends a request over the connections that all calls share.
type Send = Arc<
    dyn Fn(BollardRequest) -> BoxFuture<'static, Result<Response<Incoming>, DockerError>> + std::marker::Send + Sync,
>;

/// A client of one engine. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    docker: Docker,
    send: Send,
    version: Arc<EngineVersion>,
}

/// What an engine said about itself when the API version was negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// Engine version, such as `20.10.24`.
    pub engine: String,
    /// API version that is spoken, such as `1.41`.
    pub api: String,
    /// `linux`.
    pub os: String,
    /// `amd64` and so on.
    pub architecture: String,
    /// Whether it is Docker itself, and not something else that speaks its API.
    pub is_docker: bool,
}

impl Client {
    /// Asks the engine which API versions it speaks, and settles on the newest that both know.
    pub async fn connect(transport: Arc<dyn Transport>) -> Result<Self, TransportError> {
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_SIZE)
            .build(Connector(transport));
        let send: Send = Arc::new(move |request: BollardRequest| {
            let http = http.clone();
            Box::pin(async move { http.request(request).await.map_err(DockerError::from) })
        });
        let own = Arc::clone(&send);
        let docker = Docker::connect_with_custom_transport(
            move |request| own(request),
            Some("http://docker"),
            NO_LIMIT_SECONDS,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| unusable(error.to_string()))?;
        let answer = match timeout(SHORT, docker.version()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unreachable(error)),
            Err(_) => return Err(unusable(format!("the engine did not answer within {} s", SHORT.as_secs()))),
        };
        let api = negotiate(&answer)?;
        let version = EngineVersion {
            engine: answer.version.unwrap_or_default(),
            api: api.to_string(),
            os: answer.os.unwrap_or_default(),
            architecture: answer.arch.unwrap_or_default(),
            is_docker: answer.components.iter().flatten().any(|component| component.name == "Engine"),
        };
        Ok(Self { docker: versioned(docker, &api), send, version: Arc::new(version) })
    }

    /// The API. Bodies and streams have no limit of their own: wrap calls in [`call`].
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Makes a request that the library has no call for, to a path without a version. The answer may be one of failure.
    pub async fn request(&self, mut request: BollardRequest) -> Result<Response<Incoming>, DockerError> {
        let prefix = format!("http://docker/v{}", self.version.api);
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        *request.uri_mut() = format!("{prefix}{path}")
            .parse()
            .map_err(|error: InvalidUri| DockerError::HttpClientError { err: error.into() })?;
        (self.send)(request).await
    }

    /// What the engine said about itself.
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }
}

/// Makes a call, and waits at most `limit` for its whole answer.
pub async fn call<T>(limit: Duration, answer: impl Future<Output = Result<T, DockerError>>) -> Result<T, EngineError> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(EngineError::from),
        Err(_) => Err(EngineError::silence(limit)),
    }
}

impl From<DockerError> for EngineError {
    fn from(error: DockerError) -> Self {
        match error {
            DockerError::DockerResponseServerError { status_code, message } => {
                let message =
                    if message.trim().is_empty() { format!("status {status_code}") } else { message.trim().to_owned() };
                match status_code {
                    404 if says_missing(&message) => Self::NotFound(message),
                    409 => Self::Conflict(message),
                    _ => Self::Refused(message),
                }
            }
            DockerError::DockerStreamError { error } => Self::Refused(error),
            DockerError::HyperLegacyError { err } if err.is_connect() => Self::Unreachable(innermost(&err)),
            // These are made before a request is.
            error @ (DockerError::HttpClientError { .. }
            | DockerError::URLEncodedError { .. }
            | DockerError::URLParseError { .. }) => Self::Refused(error.to_string()),
            error => Self::InDoubt(format!("the connection was lost: {}", innermost(&error))),
        }
    }
}

/// Whether a 404 is the engine's word that an object is gone, which callers act upon. A proxy on the way, or an engine that
/// does not know the path, says 404 too.
fn says_missing(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let missing = ["no such", "not found", "could not find"].iter().any(|words| message.contains(words));
    missing && !message.contains("page not found") && !message.contains('<')
}

/// The last cause, which says what happened; those around it only say during what.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// What the transport said if it was the transport, with its hint.
fn unreachable(error: DockerError) -> TransportError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(error) = at.downcast_ref::<TransportError>() {
            return error.clone();
        }
        cause = at.source();
    }
    unusable(EngineError::from(error).to_string())
}

fn unusable(message: String) -> TransportError {
    TransportError { message, hint: None }
}

/// Puts the version in front of every path: bollard 0.21 leaves it out, and the engine would answer with its newest.
fn versioned(docker: Docker, version: &ClientVersion) -> Docker {
    let prefix = format!("/v{version}");
    docker.with_request_modifier(move |mut request: BollardRequest| {
        let mut parts = request.uri().clone().into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
        parts.path_and_query = format!("{prefix}{path}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        // bollard writes credentials in the standard alphabet, engines read the URL-safe one and take the rest for anonymous.
        make_url_safe(request.headers_mut());
        request
    })
}

/// The newest version that we and the engine know.
fn negotiate(answer: &SystemVersion) -> Result<ClientVersion, TransportError> {
    let parse = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
    };
    let text = answer.api_version.as_deref().unwrap_or_default();
    let newest = parse(text).ok_or_else(|| unusable(format!("the engine names no API version but `{text}`")))?;
    if newest < OLDEST {
        let message = format!("the engine speaks Docker API {newest}; {OLDEST} (Docker 20.10) or newer is needed");
        return Err(TransportError { message, hint: Some("upgrade the engine on that host".to_owned()) });
    }
    let ours = *bollard::API_DEFAULT_VERSION;
    match answer.min_api_version.as_deref().and_then(parse) {
        Some(oldest) if oldest > ours => {
            Err(unusable(format!("the engine speaks Docker API {oldest} and newer; this shipctl knows up to {ours}")))
        }
        _ => Ok(if newest < ours { newest } else { ours }),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn answer(api: &str, oldest: &str) -> SystemVersion {
        SystemVersion {
            api_version: Some(api.to_owned()),
            min_api_version: Some(oldest.to_owned()),
            ..SystemVersion::default()
        }
    }

    #[test]
    fn the_newest_version_that_both_know_is_spoken() {
        let spoken = |api, oldest| {
            negotiate(&answer(api, oldest)).map(|version| version.to_string()).map_err(|error| error.message)
        };
        assert_eq!(spoken("1.41", "1.12"), Ok("1.41".to_owned()));
        assert_eq!(spoken("1.52", "1.44"), Ok("1.52".to_owned()));
        assert_eq!(spoken("9.99", "1.44"), Ok(bollard::API_DEFAULT_VERSION.to_string()));
        assert!(spoken("1.40", "1.12").is_err_and(|error| error.contains("1.41")));
        assert!(spoken("9.99", "9.0").is_err_and(|error| error.contains("knows up to")));
        assert!(spoken("", "").is_err());
    }

    #[test]
    fn an_answer_of_the_engine_is_no_doubt() {
        let answered = |status_code, message: &str| {
            EngineError::from(DockerError::DockerResponseServerError { status_code, message: message.to_owned() })
        };
        assert_eq!(answered(404, "No such container: x\n"), EngineError::NotFound("No such container: x".to_owned()));
        assert!(matches!(answered(404, "Could not find the file /text in container x"), EngineError::NotFound(_)));
        for not_the_engine in ["", "404 page not found", "<html><title>404 Not Found</title></html>"] {
            assert!(matches!(answered(404, not_the_engine), EngineError::Refused(_)), "{not_the_engine}");
        }
        assert_eq!(answered(409, "name in use"), EngineError::Conflict("name in use".to_owned()));
        assert_eq!(
            answered(500, "port is already allocated"),
            EngineError::Refused("port is already allocated".to_owned())
        );
        assert_eq!(answered(403, ""), EngineError::Refused("status 403".to_owned()));
        assert!(EngineError::from(DockerError::RequestTimeoutError).in_doubt());
        assert!(EngineError::from(DockerError::from(io::Error::from(io::ErrorKind::ConnectionReset))).in_doubt());
    }
}
