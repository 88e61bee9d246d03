//! Asking a registry: with what a scope takes, within limits, and with credentials for nobody but itself.

use std::time::Duration;

use bytes::Bytes;
use jiff::fmt::rfc2822;
use oci_distribution::Reference as OciReference;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};

use super::super::token::{Scope, may_pass};
use super::super::{RegistryError, bounded, place};
use super::Access;
use super::failure::{Failure, from_request, invalid, unauthorized};
use super::pass::{Errand, Pass};
use crate::image::printable::printable;
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

/// The most bytes of one answer, which is a manifest, a configuration or a page of names at most.
const MAX_ANSWER: usize = 4 << 20;
/// The most redirects of one question.
const MAX_HOPS: usize = 5;

/// What is asked of a registry.
pub(super) struct Question<'a> {
    pub method: Method,
    /// Behind `scheme://host`.
    pub path: String,
    pub scope: Scope<'a>,
    /// Media types that are understood; none where any is.
    pub accept: &'a [&'a str],
    /// What is stored, and as what.
    pub body: Option<(String, Bytes)>,
}

impl<'a> Question<'a> {
    pub fn new(method: Method, path: String, scope: Scope<'a>) -> Self {
        Self { method, path, scope, accept: &[], body: None }
    }

    pub fn get(path: String, scope: Scope<'a>) -> Self {
        Self::new(Method::GET, path, scope)
    }
}

/// An answer, and who gave it.
pub(super) struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Access {
    /// `scheme://host[:port]` of a registry.
    pub(super) fn base(&self, image: &Reference) -> Result<Url, Failure> {
        // One registry is reached by another name than it is called by.
        let known = OciReference::with_tag(image.registry().to_owned(), image.path().to_owned(), String::new());
        let base = format!("{}://{}", self.scheme, known.resolve_registry());
        Url::parse(&base).map_err(|error| invalid(image, format!("its address is none: {error}")))
    }

    /// Asks once, with what the scope takes; the answer's headers and body.
    pub(super) async fn ask(
        &self,
        image: &Reference,
        question: Question<'_>,
        credentials: &Credentials,
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let errand = Errand { image, scope: question.scope, credentials };
        let mut pass = self.pass(errand).await?;
        let mut answer = self.put_question(image, &question, &pass).await?;
        if let Some(other) = self.another_pass(errand, &pass, &answer).await? {
            pass = other;
            answer = self.put_question(image, &question, &pass).await?;
        }
        let Answer { status, headers, body, .. } = answer;
        if status.is_success() {
            return Ok((headers, body));
        }
        if (&question.method, status) == (&Method::DELETE, StatusCode::METHOD_NOT_ALLOWED) {
            let reason = "it does not let images be removed (405)".to_owned();
            return Err(Failure::Final(RegistryError::Refused { registry: image.registry().to_owned(), reason }));
        }
        Err(refusal(status, &headers, &body, image, credentials, pass.is_granted()))
    }

    /// The answer to a question with this pass, wherever it is.
    async fn put_question(&self, image: &Reference, question: &Question<'_>, pass: &Pass) -> Result<Answer, Failure> {
        let home = self.base(image)?;
        let unusable = |_| invalid(image, "what is asked is no address".to_owned());
        let mut url = home.join(&question.path).map_err(unusable)?;
        let lost = |error: reqwest::Error| from_request(error, image);
        for _ in 0..=MAX_HOPS {
            let mut request = self.http.request(question.method.clone(), url.clone());
            if place::is_same(&home, &url) {
                request = pass.on(request);
            }
            if !question.accept.is_empty() {
                request = request.header(ACCEPT, question.accept.join(", "));
            }
            request = match &question.body {
                Some((media_type, body)) => request.header(CONTENT_TYPE, media_type).body(Bytes::clone(body)),
                None => request,
            };
            let answer = request.send().await.map_err(lost)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            // What is stored or removed goes to the registry itself.
            let may_be_elsewhere = status.is_redirection() && matches!(question.method, Method::GET | Method::HEAD);
            let elsewhere = headers.get(LOCATION).filter(|_| may_be_elsewhere);
            if let Some(to) = elsewhere {
                let to = place::named(&home, &url, to.to_str().unwrap_or_default());
                url = to.map_err(|why| invalid(image, format!("it sends us {}", printable(&why))))?;
                continue;
            }
            let endless = || invalid(image, "its answer has no end".to_owned());
            let body = bounded(answer, MAX_ANSWER).await.map_err(lost)?.ok_or_else(endless)?;
            return Ok(Answer { url, status, headers, body });
        }
        Err(invalid(image, format!("it sends us on more than {MAX_HOPS} times")))
    }
}

/// What an answer means that is no success.
pub(super) fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    image: &Reference,
    credentials: &Credentials,
    granted: bool,
) -> Failure {
    let registry = image.registry().to_owned();
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = |key: &str| said.as_ref().and_then(|said| said["errors"][0][key].as_str()).unwrap_or_default();
    Failure::Final(match (status, said("code")) {
        (status, _) if may_pass(status) => {
            return Failure::Again { reason: format!("it answered {status}"), after: retry_after(headers) };
        }
        (_, "TOOMANYREQUESTS") => {
            return Failure::Again { reason: "it asks for fewer requests".to_owned(), after: retry_after(headers) };
        }
        (StatusCode::FORBIDDEN, _) | (_, "DENIED") => unauthorized(image, credentials, true),
        (StatusCode::UNAUTHORIZED, _) => unauthorized(image, credentials, granted),
        (StatusCode::NOT_FOUND, _) => RegistryError::NotFound { registry, image: image.to_string() },
        (status, _) => {
            RegistryError::Refused { registry, reason: printable(format!("{status} {}", said("message")).trim()) }
        }
    })
}

/// How long a registry asks us to wait: in seconds, or until a time by its own clock. What is past is no time to wait.
pub(in crate::registry) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| rfc2822::parse(text).ok().map(|time| time.timestamp().as_second());
    let now = time(headers.get(DATE)?.to_str().ok()?)?;
    u64::try_from(time(text)? - now).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What headers ask for, in seconds.
    fn asked(after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
        retry_after(&headers).map(|asked| asked.as_secs())
    }

    #[test]
    fn a_registry_says_how_long_to_wait_by_seconds_or_its_own_clock() {
        let now = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(asked("86400", None), Some(86_400));
        assert_eq!(asked("Wed, 21 Oct 2026 07:28:09 GMT", now), Some(9));
        for (after, date) in [
            ("-1", None),
            ("soon", None),
            ("99999999999999999999999", None),
            ("Wed, 21 Oct 2026 07:28:09 GMT", None),
            ("Wed, 21 Oct 2026 07:27:59 GMT", now),
        ] {
            assert_eq!(asked(after, date), None, "{after}");
        }
    }
}
