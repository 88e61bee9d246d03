//! What BuildKit may ask its client for while it builds: the login of a registry, a secret, a signature of an SSH agent.
//! It asks over a connection of its own, which carries gRPC, and is answered nothing that the build does not name.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bollard::errors::Error as EngineError;
use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use futures_util::Stream;
use futures_util::stream;
use http::{Method, Request as HttpRequest, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tonic::{Request, Response, Status, async_trait};

use super::agent::Agents;
use crate::engine::client::Client;
use crate::environment::Secret;
use crate::image::reference::DEFAULT_REGISTRY;
use crate::registry::credentials::Logins;

/// What the build may ask for.
#[derive(Clone)]
pub(super) struct Offer {
    /// Logins for base images.
    pub(super) logins: Arc<Logins>,
    /// Secrets, by the id that the Dockerfile names them by.
    pub(super) secrets: Arc<BTreeMap<String, Secret>>,
    /// Sockets of SSH agents, by id.
    pub(super) agents: Arc<BTreeMap<String, PathBuf>>,
}

/// Bytes on their way between the engine and what answers it.
const CHUNK: usize = 64 << 10;

/// What the client says that it can be asked for.
const METHODS: [&str; 5] = [
    "/grpc.health.v1.Health/Check",
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// Opens the session `id` and returns what answers on it, until the engine closes it or this is dropped.
pub(super) async fn open(
    client: &Client,
    id: &str,
    offer: Offer,
) -> Result<impl Future<Output = ()> + Send + 'static, EngineError> {
    let mut request = HttpRequest::builder()
        .method(Method::POST)
        .uri("/session")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id)
        .header("X-Docker-Expose-Session-Name", "shipctl");
    for method in METHODS {
        request = request.header("X-Docker-Expose-Session-Grpc-Method", method);
    }
    let request =
        request.body(bollard::body_full(Vec::new().into())).map_err(|err| EngineError::HttpClientError { err })?;
    let response = client.request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let message = format!("the engine opens no session for a build: {}", response.status());
        return Err(EngineError::DockerResponseServerError { status_code: response.status().as_u16(), message });
    }
    let stream = hyper::upgrade::on(response).await.map_err(EngineError::from)?;
    let answerer = tonic::transport::Server::builder()
        .add_service(HealthServer::new(Alive))
        .add_service(AuthServer::new(offer.clone()))
        .add_service(SecretsServer::new(offer.clone()))
        .add_service(SshServer::new(Agents(Arc::clone(&offer.agents))));
    let (ours, mut between) = tokio::io::duplex(CHUNK);
    let answering = answerer.serve_with_incoming(stream::iter([Ok::<_, io::Error>(ours)]));
    // How it ends is told by the build that asks here.
    Ok(async move {
        let mut engine = TokioIo::new(stream);
        let _ = tokio::join!(answering, copy_bidirectional(&mut engine, &mut between));
    })
}

#[async_trait]
impl Secrets for Offer {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.secrets.get(&id) {
            Some(secret) => Ok(Response::new(GetSecretResponse { data: secret.expose().as_bytes().to_vec() })),
            None => Err(Status::not_found(format!("the build has no secret `{id}` in the manifest"))),
        }
    }
}

#[async_trait]
impl Auth for Offer {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        // What Docker Hub is to people, and where it answers.
        let host = if host == "registry-1.docker.io" { DEFAULT_REGISTRY } else { &host };
        let found = self.logins.of(host).await;
        let found = found.map_err(|error| Status::unavailable(error.to_string()))?;
        let (username, secret) = found.for_session();
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("the engine fetches tokens itself"))
    }
}

/// The engine asks now and then whether its client is there.
struct Alive;

#[async_trait]
impl Health for Alive {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("ask for one"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask again"))
    }
}
