//! What stores have in common on the wire: TLS, limits, and what an answer means.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};

use super::StoreError;
use crate::environment::publish::StoreAccess;
use crate::image::printable::printable;
use crate::registry::chain;

/// To connect, including TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// For one answer.
const ANSWER: Duration = Duration::from_secs(15);
/// Characters of a refusal that are shown.
const WORDS: usize = 300;

/// A client that trusts whom the system trusts, and this authority. Contacts nobody.
pub(crate) fn client_with(ca: Option<&Path>) -> Result<Client, String> {
    builder(Path::new(""), ca)?.build().map_err(|error| chain(&error))
}

fn builder(root: &Path, ca: Option<&Path>) -> Result<ClientBuilder, String> {
    // A proxy of the operator's is for the world outside; and redirects would carry the token elsewhere.
    let builder = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    trusting(builder, root, ca)
}

/// The same client, that also trusts this authority. A relative path is beneath `root`.
pub(crate) fn trusting(builder: ClientBuilder, root: &Path, ca: Option<&Path>) -> Result<ClientBuilder, String> {
    let Some(ca) = ca else { return Ok(builder) };
    let pem = fs::read(root.join(ca)).map_err(|error| format!("{}: {error}", ca.display()))?;
    let authorities = reqwest::Certificate::from_pem_bundle(&pem);
    Ok(builder.tls_certs_merge(authorities.map_err(|error| format!("{}: {}", ca.display(), chain(&error)))?))
}

/// A client that trusts and identifies itself as the manifest says. Contacts nobody.
pub(super) fn client(root: &Path, access: &StoreAccess) -> Result<Client, String> {
    let mut builder = builder(root, access.ca.as_deref())?;
    let read = |path: &Path| fs::read(root.join(path)).map_err(|error| format!("{}: {error}", path.display()));
    if let Some((cert, key)) = &access.identity {
        let mut pem = read(cert)?;
        pem.push(b'\n');
        pem.extend(read(key)?);
        let identity = reqwest::Identity::from_pem(&pem);
        builder = builder.identity(identity.map_err(|error| format!("{}: {}", cert.display(), chain(&error)))?);
    }
    builder.build().map_err(|error| chain(&error))
}

/// Status and text of an answer. Without one nobody knows what became of the question.
pub(super) async fn ask(request: RequestBuilder) -> Result<(StatusCode, String), StoreError> {
    let lost = |error: reqwest::Error| StoreError::InDoubt(printable(&chain(&error)));
    let answer = request.send().await.map_err(lost)?;
    let status = answer.status();
    let text = answer.text().await.map_err(lost)?;
    if status.is_server_error() {
        return Err(StoreError::InDoubt(refusal(status, &text)));
    }
    Ok((status, text))
}

/// An answer that was not hoped for.
pub(super) fn refused(status: StatusCode, text: &str) -> StoreError {
    StoreError::Refused(refusal(status, text))
}

fn refusal(status: StatusCode, text: &str) -> String {
    let words: String = printable(text.trim()).chars().take(WORDS).collect();
    format!("it answered {status}: {words}")
}

/// An answer that is none.
pub(super) fn garbled(what: &str) -> StoreError {
    StoreError::InDoubt(format!("its answer cannot be read: {what}"))
}
