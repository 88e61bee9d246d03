//! Presenting credentials to a registry: its challenge, and the token that some registries have fetched elsewhere.
//!
//! This is done here and not by the client library because a password may only go to a place that the registry named
//! over a trusted connection, and because the library knows no identity tokens.

use std::time::Duration;

use oci_distribution::token_cache::{RegistryToken, RegistryTokenType};
use reqwest::{StatusCode, Url, header};
use serde::Deserialize;

use super::credentials::{Credentials, Kind};
use super::oci::retry_after;
use super::{bounded, place};
use crate::image::printable::printable;

/// The most bytes of a token server's answer.
const MAX_ANSWER: usize = 1 << 20;

/// The most bytes of a challenge.
const MAX_CHALLENGE: usize = 4 << 10;

/// Why there is no token.
#[derive(Debug)]
pub(super) enum TokenError {
    /// The credentials were not accepted.
    Unauthorized,
    /// No answer, or one that may be different next time.
    Again {
        /// What was said.
        reason: String,
        /// How long we are asked to wait.
        after: Option<Duration>,
    },
    /// The connection failed.
    Request(reqwest::Error),
    /// An answer that cannot be used.
    Invalid(String),
}

impl From<reqwest::Error> for TokenError {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error)
    }
}

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token from `realm`.
    Bearer {
        /// The token server.
        realm: String,
        /// The registry's name there.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads a `WWW-Authenticate` header.
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > MAX_CHALLENGE {
            return None;
        }
        let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        let (mut realm, mut service) = (None, None);
        while let Some((name, value)) = rest.split_once("=\"") {
            let (value, after) = value.split_once('"')?;
            match name.trim_matches([' ', ',']) {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            rest = after;
        }
        scheme.eq_ignore_ascii_case("bearer").then_some(Self::Bearer { realm: realm?, service })
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// What requests are about, as token servers are asked for it: <https://distribution.github.io/distribution/spec/auth/scope/>.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// To read a repository.
    Pull(&'a str),
    /// To write to it, too.
    Push(&'a str),
    /// To write to it what another one, the second, has.
    Mount(&'a str, &'a str),
    /// To remove from it, too.
    Delete(&'a str),
    /// To list repositories.
    Catalog,
}

impl Scope<'_> {
    fn texts(self) -> Vec<String> {
        let of = |repository: &str, rights: &str| format!("repository:{repository}:{rights}");
        match self {
            Self::Pull(repository) => vec![of(repository, "pull")],
            Self::Push(repository) => vec![of(repository, "pull,push")],
            Self::Mount(repository, other) => vec![of(repository, "pull,push"), of(other, "pull")],
            Self::Delete(repository) => vec![of(repository, "pull,delete")],
            Self::Catalog => vec!["registry:catalog:*".to_owned()],
        }
    }
}

/// What to present with requests of this scope; `None` where the registry asks for nothing, or where there are no
/// credentials to answer with. `home` is the registry's `scheme://host[:port]`.
pub(super) async fn obtain(
    http: &reqwest::Client,
    home: &Url,
    scope: Scope<'_>,
    credentials: &Credentials,
) -> Result<Option<RegistryTokenType>, TokenError> {
    let answer = http.get(home.join("/v2/").unwrap_or_else(|_| home.clone())).send().await?;
    match answer.status() {
        StatusCode::UNAUTHORIZED => {}
        status if may_pass(status) => {
            return Err(TokenError::Again {
                reason: format!("it answered {status}"),
                after: retry_after(answer.headers()),
            });
        }
        _ => return Ok(None),
    }
    let headers = answer.headers().get_all(header::WWW_AUTHENTICATE);
    match (headers.iter().find_map(|header| Challenge::parse(header.to_str().ok()?)), &credentials.kind) {
        (Some(Challenge::Basic), Kind::Password { username, password }) => {
            Ok(Some(RegistryTokenType::Basic(username.clone(), password.expose().to_owned())))
        }
        (Some(Challenge::Basic), _) => Ok(None),
        (Some(Challenge::Bearer { realm, service }), _) => {
            let to = |why: String| TokenError::Invalid(format!("it sends credentials {}", printable(&why)));
            let realm = place::named(home, home, &realm).map_err(to)?;
            if !matches!(credentials.kind, Kind::Anonymous) && !place::is_related(home, &realm) {
                let host = realm.host_str().unwrap_or_default();
                return Err(to(format!("to {host}, which is not of its own domain")));
            }
            let token = fetch(http, realm, service.as_deref(), scope, credentials).await?;
            Ok(Some(RegistryTokenType::Bearer(RegistryToken::Token { token })))
        }
        (None, _) => Err(TokenError::Invalid("it asks for credentials without saying how".to_owned())),
    }
}

/// Whether an answer may be different when the request is repeated.
pub(super) fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

async fn fetch(
    http: &reqwest::Client,
    realm: Url,
    service: Option<&str>,
    scope: Scope<'_>,
    credentials: &Credentials,
) -> Result<String, TokenError> {
    let scopes = scope.texts();
    let joined = scopes.join(" ");
    let mut fields: Vec<_> = scopes.iter().map(|scope| ("scope", scope.as_str())).collect();
    fields.extend(service.map(|service| ("service", service)));
    let request = match &credentials.kind {
        Kind::Anonymous => http.get(with_query(realm, &fields)),
        Kind::Password { username, password } => {
            http.get(with_query(realm, &fields)).basic_auth(username, Some(password.expose()))
        }
        Kind::IdentityToken(token) => {
            // A form has them in one field.
            fields.retain(|(name, _)| *name != "scope");
            fields.insert(0, ("scope", &joined));
            fields.extend([
                ("grant_type", "refresh_token"),
                ("client_id", "shipctl"),
                ("refresh_token", token.expose()),
            ]);
            let mut form = realm.clone();
            form.set_query(None);
            let body = with_query(form, &fields).query().unwrap_or_default().to_owned();
            http.post(realm).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        }
    };
    let answer = request.send().await?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(TokenError::Unauthorized);
        }
        status if may_pass(status) => {
            let reason = format!("its token server answered {status}");
            return Err(TokenError::Again { reason, after: retry_after(answer.headers()) });
        }
        status => return Err(TokenError::Invalid(format!("its token server answered {status}"))),
    }
    let endless = || TokenError::Invalid("its token server's answer has no end".to_owned());
    let bytes = bounded(answer, MAX_ANSWER).await?.ok_or_else(endless)?;
    let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
    answer
        .and_then(|answer| answer.token.or(answer.access_token))
        .ok_or_else(|| TokenError::Invalid("its token server gave no token".to_owned()))
}

fn with_query(mut url: Url, fields: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(fields);
    url
}
