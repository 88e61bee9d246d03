//! Presenting credentials to a registry: its challenge, and the token that some registries have fetched elsewhere.
//!
//! This is done here and not by the client library because a password may only go to a place that the registry named
//! over a trusted connection, and because the library knows no identity tokens.

use std::time::Duration;

use oci_distribution::token_cache::{RegistryToken, RegistryTokenType};
use reqwest::header::{self, HeaderMap};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::credentials::{Credentials, Kind};
use super::oci::retry_after;
use super::{bounded, place};
use crate::image::printable::printable;

/// The most bytes of a token server's answer.
const MAX_ANSWER: usize = 1 << 20;

/// The most bytes of a challenge.
const MAX_CHALLENGE: usize = 4 << 10;

/// How long a token is good, where the token server says nothing, or less.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);

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
    /// The first of an answer's that is understood.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get_all(header::WWW_AUTHENTICATE).iter().find_map(|header| Self::parse(header.to_str().ok()?))
    }

    /// Reads a `WWW-Authenticate` header. The scope that it may name is not: what is asked for is what the request takes,
    /// whatever somebody would like us to ask for.
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
    expires_in: Option<serde_json::Value>,
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
    pub(super) fn texts(self) -> Vec<String> {
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

/// What is presented to a registry.
pub(super) struct Token {
    pub kind: RegistryTokenType,
    /// For how long it is taken; `None` is for good.
    pub good_for: Option<Duration>,
}

/// What a registry asks of everybody, whatever the request; `None` where it asks for nothing. `home` is its
/// `scheme://host[:port]`.
pub(super) async fn challenge(http: &reqwest::Client, home: &Url) -> Result<Option<Challenge>, TokenError> {
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
    let unclear = || TokenError::Invalid("it asks for credentials without saying how".to_owned());
    Challenge::of(answer.headers()).ok_or_else(unclear).map(Some)
}

/// What to present with requests of this scope; `None` where there are no credentials to answer with.
pub(super) async fn obtain(
    http: &reqwest::Client,
    home: &Url,
    challenge: Challenge,
    scope: Scope<'_>,
    credentials: &Credentials,
) -> Result<Option<Token>, TokenError> {
    match (challenge, &credentials.kind) {
        (Challenge::Basic, Kind::Password { username, password }) => {
            let kind = RegistryTokenType::Basic(username.clone(), password.expose().to_owned());
            Ok(Some(Token { kind, good_for: None }))
        }
        (Challenge::Basic, _) => Ok(None),
        (Challenge::Bearer { realm, service }, _) => {
            let to = |why: String| TokenError::Invalid(format!("it sends credentials {}", printable(&why)));
            let realm = place::named(home, home, &realm).map_err(to)?;
            if !matches!(credentials.kind, Kind::Anonymous) && !place::is_related(home, &realm) {
                let host = realm.host_str().unwrap_or_default();
                return Err(to(format!("to {host}, which is not of its own domain")));
            }
            fetch(http, realm, service.as_deref(), scope, credentials).await.map(Some)
        }
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
) -> Result<Token, TokenError> {
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
    let none = || TokenError::Invalid("its token server gave no token".to_owned());
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| none())?;
    let seconds = answer.expires_in.and_then(|seconds| seconds.as_u64()).map(Duration::from_secs);
    let token = answer.token.or(answer.access_token).ok_or_else(none)?;
    Ok(Token {
        kind: RegistryTokenType::Bearer(RegistryToken::Token { token }),
        good_for: Some(seconds.unwrap_or_default().max(SHORTEST_LIFE)),
    })
}

fn with_query(mut url: Url, fields: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(fields);
    url
}
