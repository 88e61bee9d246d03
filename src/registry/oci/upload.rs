//! One blob on its way into a registry, in pieces. After a broken connection it goes on from where the registry says it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode, Url};
use tokio::time::{sleep, timeout};

use super::super::token::Scope;
use super::super::{RegistryError, bounded, place};
use super::failure::{Failure, from_request, invalid};
use super::pass::{Errand, Pass};
use super::push::stored;
use super::session::{Session, end_of};
use super::wire::{Answer, refusal};
use super::{Access, PAUSES, pause_of};
use crate::image::parcel::Blob;
use crate::image::printable::printable;
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

/// The least that a registry takes of a piece.
const LEAST: u64 = 64 << 10;
/// For one request with a piece, or for the registry to look through a whole layer; and for one try of a whole blob.
const REQUEST: Duration = Duration::from_mins(10);
const UPLOAD: Duration = Duration::from_hours(2);
/// The most bytes of an answer, which is an error in words.
const MAX_ANSWER: usize = 64 << 10;

/// What it takes to send a blob.
pub(super) struct Upload<'a> {
    pub access: &'a Access,
    pub image: &'a Reference,
    pub credentials: &'a Credentials,
    pub blob: &'a Arc<Blob>,
    /// Hears how many bytes the registry has.
    pub tell: &'a (dyn Fn(u64) + Send + Sync),
}

impl Upload<'_> {
    /// Sends it, with an upload that the registry has `begun` already, if it has. Tries are counted anew whenever the
    /// registry has more of it than ever before.
    pub async fn run(&self, mut begun: Option<Session>) -> Result<(), RegistryError> {
        let (mut session, mut most, mut pauses) = (None, 0, PAUSES.iter());
        loop {
            let gone_on = timeout(UPLOAD, self.go_on(&mut begun, &mut session));
            let (reason, after) = match gone_on.await.unwrap_or_else(|_| Err(too_slow(UPLOAD))) {
                Ok(()) => {
                    (self.tell)(self.blob.size);
                    return Ok(());
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Again { reason, after }) => (reason, after),
            };
            let at = session.as_ref().map_or(0, |session| session.at);
            if at > most {
                (most, pauses) = (at, PAUSES.iter());
            }
            let registry = self.image.registry().to_owned();
            let pause = pauses.next().ok_or(RegistryError::Unreachable { registry, reason })?;
            sleep(pause_of(*pause, after)).await;
        }
    }

    /// From where the registry is to the end; `session` is what is left of it if that fails.
    async fn go_on(&self, begun: &mut Option<Session>, session: &mut Option<Session>) -> Result<(), Failure> {
        let mut pass = self.access.pass(self.errand()).await?;
        let known = match (begun.take(), session.as_ref()) {
            (Some(begun), _) => Some(begun),
            (None, Some(known)) => self.position(known, &mut pass).await?,
            (None, None) => None,
        };
        let mut open = match known {
            Some(open) => open,
            // The answer to the last request may have been lost, and not the request.
            None if session.is_some() && self.access.has(self.image, &self.blob.digest, self.credentials).await? => {
                return Ok(());
            }
            None => self.begin(&mut pass).await?,
        };
        let sent = self.send(&mut open, &pass).await;
        *session = Some(open);
        sent
    }

    fn errand(&self) -> Errand<'_> {
        Errand { image: self.image, scope: Scope::Push(self.image.path()), credentials: self.credentials }
    }

    async fn begin(&self, pass: &mut Pass) -> Result<Session, Failure> {
        let answer = self.post("", self.errand(), pass).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer, pass));
        }
        self.opened(&answer)
    }

    /// The answer to what begins an upload, with this query.
    pub(super) async fn post(&self, query: &str, errand: Errand<'_>, pass: &mut Pass) -> Result<Answer, Failure> {
        let path = format!("/v2/{}/blobs/uploads/{query}", self.image.path());
        let url = self.access.base(self.image)?.join(&path);
        let url = url.map_err(|_| invalid(self.image, "what is asked is no address".to_owned()))?;
        self.ask(Method::POST, &url, errand, pass).await
    }

    /// The upload that a registry says it has begun.
    pub(super) fn opened(&self, answer: &Answer) -> Result<Session, Failure> {
        let nowhere = || invalid(self.image, "it does not say where an upload goes".to_owned());
        Ok(Session::new(self.place(answer)?.ok_or_else(nowhere)?, &answer.headers))
    }

    /// Where the registry is; `None` if it does not know any more, or cannot say.
    async fn position(&self, known: &Session, pass: &mut Pass) -> Result<Option<Session>, Failure> {
        let answer = self.ask(Method::GET, &known.url, self.errand(), pass).await?;
        if answer.status.is_success() {
            let url = self.place(&answer)?.unwrap_or_else(|| known.url.clone());
            // Registries say `0-0` for nothing, too.
            let at = end_of(&answer.headers).filter(|at| *at > 1 && *at <= self.blob.size);
            return Ok(at.map(|at| Session { url, at, least: known.least }));
        }
        match self.refused(&answer, pass) {
            Failure::Final(RegistryError::NotFound { .. } | RegistryError::Refused { .. }) => Ok(None),
            failure => Err(failure),
        }
    }

    /// All that is missing, and the end.
    async fn send(&self, open: &mut Session, pass: &Pass) -> Result<(), Failure> {
        while open.at < self.blob.size {
            (self.tell)(open.at);
            let size = open.piece(self.blob.size).map_err(|reason| {
                Failure::Final(RegistryError::Refused { registry: self.image.registry().to_owned(), reason })
            })?;
            let answer = self.request(Method::PATCH, &open.url, pass, Some(self.read(open.at, size).await?)).await?;
            if !answer.status.is_success() {
                return Err(self.interrupted(&answer, pass).await);
            }
            if let Some(url) = self.place(&answer)? {
                open.url = url;
            }
            let at = end_of(&answer.headers).unwrap_or(open.at + size);
            if at > open.at + size {
                return Err(invalid(
                    self.image,
                    format!("it was sent {} bytes, and says that it has {at}", open.at + size),
                ));
            }
            // One that takes a little of each piece would never come to an end.
            if at < open.at + size.min(LEAST) {
                return Err(Failure::again("it takes nothing of what it is sent".to_owned()));
            }
            open.at = at;
        }
        let mut url = open.url.clone();
        url.query_pairs_mut().append_pair("digest", self.blob.digest.as_str());
        let answer = self.request(Method::PUT, &url, pass, None).await?;
        if !answer.status.is_success() {
            return Err(self.interrupted(&answer, pass).await);
        }
        stored(&answer.headers, &self.blob.digest).map_err(|reason| invalid(self.image, reason))
    }

    async fn read(&self, at: u64, size: u64) -> Result<Piece, Failure> {
        let blob = Arc::clone(self.blob);
        let count = usize::try_from(size).unwrap_or_default();
        let read = tokio::task::spawn_blocking(move || blob.read_at(at, count)).await;
        let failed = |error: std::io::Error| {
            let reason = format!("what is to be sent cannot be read: {error}");
            Failure::Final(RegistryError::Refused { registry: self.image.registry().to_owned(), reason })
        };
        let bytes = read.map_err(std::io::Error::other).and_then(|bytes| bytes).map_err(failed)?;
        Ok(Piece { range: format!("{at}-{}", at + size - 1), bytes: Bytes::from(bytes) })
    }

    /// The answer to a request without a piece, which can be put again with another pass.
    async fn ask(&self, method: Method, url: &Url, errand: Errand<'_>, pass: &mut Pass) -> Result<Answer, Failure> {
        let answer = self.request(method.clone(), url, pass, None).await?;
        let Some(other) = self.access.another_pass(errand, pass, &answer).await? else { return Ok(answer) };
        *pass = other;
        self.request(method, url, pass, None).await
    }

    async fn request(&self, method: Method, url: &Url, pass: &Pass, piece: Option<Piece>) -> Result<Answer, Failure> {
        let mut request = self.access.slow.request(method.clone(), url.clone());
        // What takes the bytes may be another host, which is told nothing of who we are.
        if place::is_same(&self.access.base(self.image)?, url) {
            request = pass.on(request);
        }
        request = match piece {
            Some(Piece { range, bytes }) => {
                request.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_RANGE, range).body(bytes)
            }
            None if method == Method::GET => request,
            None => request.header(CONTENT_LENGTH, 0),
        };
        let lost = |error: reqwest::Error| from_request(error, self.image);
        let answered = async {
            let answer = request.send().await.map_err(lost)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = bounded(answer, MAX_ANSWER).await.map_err(lost)?.unwrap_or_default();
            Ok(Answer { url: url.clone(), status, headers, body })
        };
        timeout(REQUEST, answered).await.unwrap_or_else(|_| Err(too_slow(REQUEST)))
    }

    /// Where it goes on, if an answer says so.
    fn place(&self, answer: &Answer) -> Result<Option<Url>, Failure> {
        let Some(to) = answer.headers.get(LOCATION) else { return Ok(None) };
        let to = place::named(&self.access.base(self.image)?, &answer.url, to.to_str().unwrap_or_default());
        to.map(Some).map_err(|why| invalid(self.image, format!("it sends the upload {}", printable(&why))))
    }

    fn refused(&self, answer: &Answer, pass: &Pass) -> Failure {
        let Answer { status, headers, body, .. } = answer;
        refusal(*status, headers, body, self.image, self.credentials, pass.is_granted())
    }

    /// In the middle of an upload, a token that was good may have run out, and an upload may be lost or be elsewhere. What was
    /// sent is not sent blindly again: the registry may have some of it.
    async fn interrupted(&self, answer: &Answer, pass: &Pass) -> Failure {
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE => {
                // The next try finds it.
                match self.access.another_pass(self.errand(), pass, answer).await {
                    Ok(_) => Failure::again(format!("it broke the upload off: {}", answer.status)),
                    Err(failure) => failure,
                }
            }
            _ => self.refused(answer, pass),
        }
    }
}

fn too_slow(limit: Duration) -> Failure {
    Failure::again(format!("it has not taken it within {} min", limit.as_secs() / 60))
}

/// A part of the blob.
struct Piece {
    range: String,
    bytes: Bytes,
}
