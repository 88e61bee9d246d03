//! Caddy through its admin API: a socket or port of a machine that is reached by SSH, or of this one.
//!
//! Caddy knows no drained upstream. One that is drained is moved from its `reverse_proxy` to a server of ours without a
//! listener, in one change of the configuration: Caddy gives it nothing new, and goes on counting the requests that it is at,
//! because the upstream is still in use somewhere. A change is made only over what was read (`If-Match`).

use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, ETAG, HOST, IF_MATCH};
use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::http::{Answer, ask};
use super::{Admin, BalancerError, LoadBalancer, Members, Servers};
use crate::image::printable::printable;
use crate::transport::{Place, Socket};

mod app;

use app::App;

/// Where Caddy keeps what serves HTTP.
const APP: &str = "/config/apps/http";
/// Where it counts requests.
const COUNTS: &str = "/reverse_proxy/upstreams";
/// A change that somebody else was faster with is made anew, so often in all.
const ATTEMPTS: u32 = 5;
/// A request that Caddy took before a change may choose its upstream a moment later.
const UNDER_WAY: Duration = Duration::from_millis(300);

/// One Caddy.
pub struct Caddy {
    way: Box<dyn Socket>,
    host: HeaderValue,
    members: Members,
    /// Of our own changes one comes after the other.
    turn: Mutex<()>,
}

impl Caddy {
    /// The Caddy whose admin API is at `place`, which `way` leads to, with these servers.
    pub fn new(way: Box<dyn Socket>, place: &Place, members: Members) -> Self {
        // At a socket of a file Caddy takes no other name than none.
        let host = match place {
            Place::Socket(_) => String::new(),
            Place::Port(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Place::Port(host, port) => format!("{host}:{port}"),
        };
        let host = HeaderValue::from_str(&host).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self { way, host, members, turn: Mutex::default() }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        tag: Option<HeaderValue>,
        body: String,
    ) -> Result<Answer, BalancerError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = http::Uri::try_from(path).map_err(|error| BalancerError::Refused(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(tag.map(|tag| (IF_MATCH, tag)));
        let answer = ask(&*self.way, request).await?;
        if answer.status.is_success() || answer.status == StatusCode::PRECONDITION_FAILED {
            return Ok(answer);
        }
        let said: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let said = said["error"].as_str().unwrap_or(&answer.text);
        Err(BalancerError::Refused(format!("Caddy answered {}: {}", answer.status, printable(said))))
    }

    async fn json(&self, path: &str) -> Result<(Value, Option<HeaderValue>), BalancerError> {
        let answer = self.ask(Method::GET, path, None, String::new()).await?;
        let value = serde_json::from_str(&answer.text).map_err(|error| {
            BalancerError::InDoubt(format!("Caddy's answer cannot be read: {}", printable(&error.to_string())))
        })?;
        Ok((value, answer.headers.get(ETAG).cloned()))
    }

    async fn set(&self, backend: &str, server: &str, admin: Admin) -> Result<(), BalancerError> {
        let _turn = self.turn.lock().await;
        let member = self.members.get(backend).and_then(|members| members.get(server));
        let member =
            member.ok_or_else(|| BalancerError::Refused(format!("the manifest has no server {backend}/{server}")))?;
        for _ in 0..ATTEMPTS {
            let (value, tag) = self.json(APP).await?;
            let mut app = App::new(value);
            let is_changed = if admin == Admin::Drain {
                app.park(backend, server, member, &self.members)?
            } else {
                app.restore(backend, server, member, &self.members)?
            };
            if !is_changed {
                return Ok(());
            }
            let tag = tag.ok_or_else(|| {
                BalancerError::Refused(
                    "Caddy says nothing of which configuration this is; 2.6 or later does".to_owned(),
                )
            })?;
            let answer = self.ask(Method::PATCH, APP, Some(tag), app.text()).await?;
            if answer.status != StatusCode::PRECONDITION_FAILED {
                sleep(UNDER_WAY).await;
                let seen = self.servers(backend).await?;
                return match seen.get(server).map(|server| server.admin) {
                    Some(now) if now == admin => Ok(()),
                    _ => {
                        Err(BalancerError::Refused(format!("Caddy does not confirm the change of {backend}/{server}")))
                    }
                };
            }
        }
        Err(BalancerError::InDoubt("somebody else goes on changing Caddy's configuration".to_owned()))
    }
}

#[async_trait]
impl LoadBalancer for Caddy {
    async fn may_change(&self) -> Result<(), BalancerError> {
        self.json(APP).await.map(drop)
    }

    async fn servers(&self, backend: &str) -> Result<Servers, BalancerError> {
        let (app, _) = self.json(APP).await?;
        let (counts, _) = self.json(COUNTS).await?;
        App::new(app).servers(backend, &counts, &self.members)
    }

    async fn drain(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(backend, server, Admin::Drain).await
    }

    async fn admit(&self, backend: &str, server: &str) -> Result<(), BalancerError> {
        self.set(backend, server, Admin::Ready).await
    }

    fn patience(&self) -> Duration {
        // Several questions and answers.
        Duration::from_secs(30)
    }

    async fn close(&self) {
        self.way.close().await;
    }
}
