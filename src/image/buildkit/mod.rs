//! One build by the BuildKit that is part of an engine: the context goes there as a stream, as with the older builder, and
//! what the build asks for is answered on a connection beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use futures_util::future::{Either, select};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost::Message;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Progress;
use super::build::{Archive, BuildError, Extras, engine_error};
use super::printable::printable;
use crate::engine::client::Client;
use crate::environment::Build;

mod agent;
mod session;
mod steps;

use session::Offer;
use steps::Steps;

/// Longest record of an engine's answer. The longest that there are tell of many steps at once.
const LONGEST: usize = 16 << 20;

/// Whether the engine has BuildKit. Docker has had it in every version that is spoken to; what else speaks its API has not.
pub(super) fn is_there(client: &Client) -> bool {
    client.version().is_docker
}

/// Builds, and returns the image's id as the engine says it.
pub(super) async fn build(
    client: &Client,
    build: &Build,
    labels: &BTreeMap<String, String>,
    archive: Archive,
    extras: &Extras<'_>,
) -> Result<String, BuildError> {
    let id = session_id()?;
    let offer = Offer {
        logins: Arc::clone(extras.logins),
        secrets: Arc::new(extras.secrets_of(build)),
        agents: Arc::new(agents(build)?),
    };
    let failed = |error| BuildError::Engine(engine_error(&error));
    let answers = session::open(client, &id, offer).await.map_err(failed)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/build?{}", query(build, labels, extras.platform, &id)))
        .header(header::CONTENT_TYPE, "application/x-tar")
        .body(bollard::body_try_stream(archive));
    let request = request.map_err(|error| BuildError::Engine(error.to_string()))?;
    let building = async {
        let response = client.request(request).await.map_err(failed)?;
        follow(response, extras).await
    };
    // The session may end before the build, or never by itself.
    match select(Box::pin(building), Box::pin(answers)).await {
        Either::Left((end, _)) => end,
        Either::Right(((), building)) => building.await,
    }
}

/// Parameters of the request, by the engine's API and, for those that its description leaves out, moby's
/// `daemon/server/router/build/build_routes.go`.
fn query(build: &Build, labels: &BTreeMap<String, String>, platform: Option<&str>, session: &str) -> String {
    let json = |value: Value| value.to_string();
    let flag = |is_set: bool| if is_set { "1".to_owned() } else { String::new() };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cache_from = if build.cache_from.is_empty() { String::new() } else { json(json!(build.cache_from)) };
    let all = [
        ("version", "2".to_owned()),
        ("session", session.to_owned()),
        ("buildid", session.to_owned()),
        ("dockerfile", build.dockerfile.clone()),
        ("buildargs", json(json!(build.args))),
        ("labels", json(json!(labels))),
        ("target", text(&build.target)),
        ("platform", build.platform.as_deref().or(platform).unwrap_or_default().to_owned()),
        ("networkmode", text(&build.network)),
        ("extrahosts", build.extra_hosts.join(",")),
        ("cachefrom", cache_from),
        ("shmsize", build.shm_size.map(|bytes| bytes.to_string()).unwrap_or_default()),
        ("nocache", flag(build.no_cache)),
        ("pull", flag(build.pull)),
    ];
    let said = all.iter().filter(|(_, value)| !value.is_empty());
    let pairs = said.map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A line of the engine's answer.
#[derive(Deserialize)]
struct Record {
    id: Option<String>,
    aux: Option<Value>,
    error: Option<String>,
}

/// Follows a build to its image id.
async fn follow(response: Response<Incoming>, extras: &Extras<'_>) -> Result<String, BuildError> {
    let status = response.status();
    let mut body = response.into_body();
    let (mut pending, mut steps, mut image) = (Vec::new(), Steps::default(), None);
    loop {
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            None => break,
            // The engine's own word that the image is there decides.
            Some(Err(_)) if image.is_some() => break,
            Some(Err(error)) => return Err(BuildError::Engine(format!("the connection was lost: {error}"))),
        };
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        if !status.is_success() {
            continue;
        }
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            if let Some(id) = take(&line, &mut steps, extras)? {
                image = Some(id);
            }
        }
        if pending.len() > LONGEST {
            return Err(BuildError::Engine("the engine's answer has a line without an end".to_owned()));
        }
    }
    if !status.is_success() {
        return Err(refused(status, &pending));
    }
    let last = take(&pending, &mut steps, extras)?;
    last.or(image).ok_or_else(|| failed("the engine's answer ended without an image", &mut steps))
}

/// Takes in a line; the image's id, if it says that.
fn take(line: &[u8], steps: &mut Steps, extras: &Extras<'_>) -> Result<Option<String>, BuildError> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let record: Record = serde_json::from_slice(line)
        .map_err(|error| BuildError::Engine(format!("the engine's answer cannot be read: {error}")))?;
    if let Some(error) = record.error {
        return Err(failed(&error, steps));
    }
    match (record.id.as_deref(), record.aux) {
        (Some("moby.buildkit.trace"), Some(Value::String(trace))) => {
            // What cannot be read is progress only.
            let status = BASE64_STANDARD.decode(trace).ok().and_then(|bytes| StatusResponse::decode(&*bytes).ok());
            for line in status.map(|status| steps.take(status)).unwrap_or_default() {
                (extras.progress)(Progress::Output(line));
            }
            Ok(None)
        }
        (_, Some(Value::Object(aux))) => Ok(aux.get("ID").and_then(Value::as_str).map(str::to_owned)),
        _ => Ok(None),
    }
}

fn failed(reason: &str, steps: &mut Steps) -> BuildError {
    // What its client has answered comes back in the words of gRPC.
    let said = reason.strip_prefix("rpc error: ").and_then(|rest| rest.split_once(" desc = "));
    let mut reason = printable(said.map_or(reason, |(_, said)| said));
    if reason.ends_with("exit code: 137") {
        reason.push_str(" (killed, as happens when memory runs out)");
    }
    BuildError::Failed { reason, output: steps.of_failure() }
}

fn refused(status: StatusCode, body: &[u8]) -> BuildError {
    let said = serde_json::from_slice::<Value>(body).ok();
    let message = said.as_ref().and_then(|said| said.get("message")).and_then(Value::as_str);
    BuildError::Failed {
        reason: message.map_or_else(|| format!("the engine refuses it: {status}"), printable),
        output: Vec::new(),
    }
}

/// No other build's.
fn session_id() -> Result<String, BuildError> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map(|()| hex::encode(bytes)).map_err(|_| BuildError::Engine("the system gives no random numbers".to_owned()))
}

/// Sockets of the agents that a build may ask, by id.
fn agents(build: &Build) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let socket = |(id, path): (&String, &Option<PathBuf>)| {
        let own = || std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = path.clone().or_else(own).ok_or_else(|| BuildError::NoAgent(id.clone()))?;
        Ok((id.clone(), path))
    };
    build.ssh.iter().map(socket).collect()
}
