//! Web servers that are told by `POST`: a webhook gets the facts, Slack (and what takes the same form) a line of text.
//!
//! The form is that of Slack's incoming webhooks, <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

use super::{Untold, Way};
use crate::environment::Secret;
use crate::environment::notify::{Given, Target};
use crate::hook::Facts;
use crate::image::printable::printable;
use crate::name::SecretName;
use crate::registry::chain;
use crate::store::http::trusting;

/// Characters of a refusal that are shown.
const WORDS: usize = 200;
/// Bytes of an answer that are read.
const ANSWER: usize = 16 * 1024;

/// A web server.
pub(super) struct Web {
    client: Client,
    url: Url,
    headers: HeaderMap,
    is_slack: bool,
}

impl Web {
    /// Contacts nobody. `headers` are those of a webhook; without them it speaks as Slack does.
    pub(super) fn open(
        target: &Target,
        headers: Option<&BTreeMap<String, Given>>,
        root: &Path,
        secrets: &BTreeMap<SecretName, Secret>,
        limit: Duration,
    ) -> Result<Self, String> {
        let url = value(&target.url, secrets)?;
        // What is wrong with it must not be said with it: it may be the key itself.
        let url = Url::parse(url.trim()).map_err(|error| format!("its address cannot be read: {error}"))?;
        if !matches!((url.scheme(), target.insecure), ("https", _) | ("http", true)) {
            return Err("its address has to begin with https://, or `insecure: true` has to be said".to_owned());
        }
        let mut all = HeaderMap::new();
        for (name, given) in headers.into_iter().flatten() {
            let name: HeaderName = name.parse().map_err(|_| format!("{name} is not the name of a header"))?;
            let value = value(given, secrets)?;
            let mut value = HeaderValue::from_str(value).map_err(|_| format!("{name} is not one line of text"))?;
            value.set_sensitive(true);
            all.insert(name, value);
        }
        // Redirects would carry the headers elsewhere.
        let builder = Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none());
        let client = trusting(builder, root, target.ca.as_deref())?.build().map_err(|error| chain(&error))?;
        Ok(Self { client, url, headers: all, is_slack: headers.is_none() })
    }

    fn body(&self, facts: &Facts) -> Value {
        if !self.is_slack {
            return json!(facts);
        }
        let text = facts.text.as_deref().unwrap_or_default();
        json!({ "text": text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") })
    }
}

#[async_trait]
impl Way for Web {
    async fn tell(&self, facts: &Facts) -> Result<(), Untold> {
        let lost = |error: reqwest::Error| Untold { why: printable(&chain(&error.without_url())), may_pass: true };
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/json").body(self.body(facts).to_string());
        let mut answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let mut text = Vec::new();
        while let Ok(Some(part)) = answer.chunk().await
            && text.len() < ANSWER
        {
            text.extend_from_slice(&part);
        }
        let words = printable(String::from_utf8_lossy(&text).trim());
        // The path may be the key, and a server may name what it did not find.
        let keys = [self.url.path().trim_matches('/'), self.url.query().unwrap_or_default()];
        let words = keys.into_iter().filter(|key| !key.is_empty()).fold(words, |words, key| words.replace(key, "…"));
        let words: String = words.chars().take(WORDS).collect();
        let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Err(Untold { why: format!("it answered {status}: {words}"), may_pass })
    }
}

fn value<'v>(given: &'v Given, secrets: &'v BTreeMap<SecretName, Secret>) -> Result<&'v str, String> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Secret(name) => match secrets.get(name) {
            Some(secret) => Ok(secret.expose()),
            None => Err(format!("the secret `{name}` has no value")),
        },
    }
}
