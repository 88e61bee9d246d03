//! What a registry is presented with: obtained by what it asks for, and kept for as long as it is good.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oci_distribution::token_cache::RegistryTokenType;
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::{Instant, timeout};

use super::super::token::{self, Challenge, Scope};
use super::super::{RegistryError, place};
use super::failure::{Failure, from_token};
use super::wire::Answer;
use super::{Access, TRY_TIMEOUT, certificate};
use crate::image::reference::Reference;
use crate::registry::credentials::Credentials;

/// What requests are about, and in whose name they are.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    pub image: &'a Reference,
    pub scope: Scope<'a>,
    pub credentials: &'a Credentials,
}

/// What a registry is presented with.
pub(super) struct Pass {
    held: Arc<Held>,
    /// It was obtained a moment ago: where it is not taken, another would be no better.
    is_new: bool,
}

struct Held {
    token: Option<RegistryTokenType>,
    /// `None` is for good.
    until: Option<Instant>,
    /// It was not taken.
    is_spent: AtomicBool,
}

impl Held {
    fn is_good(&self) -> bool {
        !self.is_spent.load(Ordering::Relaxed) && self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Pass {
    /// Whether who we are was accepted, so that only the repository can be what is refused.
    pub fn is_granted(&self) -> bool {
        matches!(self.held.token, Some(RegistryTokenType::Bearer(_)))
    }

    /// A request with it.
    pub fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.held.token {
            Some(RegistryTokenType::Bearer(token)) => request.header("Authorization", token.bearer_token()),
            Some(RegistryTokenType::Basic(name, password)) => request.basic_auth(name, Some(password)),
            None => request,
        }
    }
}

/// The passes of a command, by registry and scope. In whose name they are is no part of it: of one registry that does not
/// change as long as a command runs.
#[derive(Default)]
pub(super) struct Passes {
    kept: Mutex<BTreeMap<(String, String), Place>>,
    /// What registries that ask nothing of everybody have asked of a request.
    asked: Mutex<BTreeMap<String, Challenge>>,
}

/// Locked while the pass is obtained, so that all who need it wait for that one.
type Place = Arc<tokio::sync::Mutex<Option<Arc<Held>>>>;

impl Passes {
    fn place(&self, errand: Errand<'_>) -> Place {
        let key = (errand.image.registry().to_owned(), errand.scope.texts().join(" "));
        let mut places = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(key).or_default())
    }

    /// What a registry asks of requests, as far as it is known; `asked` is what it has asked of this one.
    fn asked(&self, registry: &str, asked: Option<Challenge>) -> Option<Challenge> {
        let mut known = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(asked.map(|asked| (registry.to_owned(), asked)));
        known.get(registry).cloned()
    }
}

impl Access {
    /// What a scope takes, by what the registry asks of everybody; a token is good for it and nothing else.
    pub(super) async fn pass(&self, errand: Errand<'_>) -> Result<Pass, Failure> {
        let place = self.passes.place(errand);
        let mut kept = place.lock().await;
        if let Some(held) = kept.as_ref().filter(|held| held.is_good()) {
            return Ok(Pass { held: Arc::clone(held), is_new: false });
        }
        let held = self.obtain(errand, None).await?;
        *kept = Some(Arc::clone(&held));
        Ok(Pass { held, is_new: true })
    }

    /// Another pass, where the registry itself has refused a request for want of one: it asks for nothing until it sees what
    /// the request is, or the pass was good earlier. `None` where another would be no better.
    pub(super) async fn another_pass(
        &self,
        errand: Errand<'_>,
        pass: &Pass,
        answer: &Answer,
    ) -> Result<Option<Pass>, Failure> {
        let asked = Challenge::of(&answer.headers);
        let may_help = match pass.held.token {
            None => asked.is_some(),
            Some(RegistryTokenType::Bearer(_)) => !pass.is_new,
            // A password is no better the second time.
            Some(RegistryTokenType::Basic(..)) => false,
        };
        let is_own = place::is_same(&self.base(errand.image)?, &answer.url);
        // Some token servers write into a token what it was good for then: a repository that has been pushed to since is not.
        let is_bearer = matches!(pass.held.token, Some(RegistryTokenType::Bearer(_)));
        let is_refused =
            answer.status == StatusCode::UNAUTHORIZED || answer.status == StatusCode::FORBIDDEN && is_bearer;
        if !is_refused || !is_own || !may_help {
            return Ok(None);
        }
        pass.held.is_spent.store(true, Ordering::Relaxed);
        let place = self.passes.place(errand);
        let mut kept = place.lock().await;
        // Whoever was refused at the same time may have been faster.
        let held = match kept.as_ref().filter(|held| held.is_good()) {
            Some(held) => Arc::clone(held),
            None => self.obtain(errand, asked).await?,
        };
        *kept = Some(Arc::clone(&held));
        Ok(held.token.is_some().then_some(Pass { held, is_new: true }))
    }

    /// By this challenge, or by what the registry asks of everybody.
    async fn obtain(&self, errand: Errand<'_>, asked: Option<Challenge>) -> Result<Arc<Held>, Failure> {
        let Errand { image, scope, credentials } = errand;
        let (base, now) = (self.base(image)?, Instant::now());
        let obtained = async {
            let asked = match asked {
                Some(asked) => Some(asked),
                None => token::challenge(&self.http, &base).await?,
            };
            match self.passes.asked(image.registry(), asked) {
                Some(asked) => token::obtain(&self.http, &base, asked, scope, credentials).await,
                None => Ok(None),
            }
        };
        // Others wait for it.
        let obtained = timeout(TRY_TIMEOUT, obtained).await;
        let obtained = obtained.map_err(|_| Failure::again("its token server does not come to an end".to_owned()))?;
        let failure = match obtained {
            Ok(token) => {
                let until = token.as_ref().and_then(|token| now.checked_add(token.good_for?));
                let token = token.map(|token| token.kind);
                return Ok(Arc::new(Held { token, until, is_spent: AtomicBool::new(false) }));
            }
            Err(error) => from_token(error, image, credentials),
        };
        match failure {
            Failure::Final(RegistryError::Untrusted { registry, reason }) => {
                let seen = certificate::fingerprint(&base).await;
                let seen = seen.map(|it| format!(" (the SHA-256 of its certificate is {it})")).unwrap_or_default();
                Err(Failure::Final(RegistryError::Untrusted { registry, reason: reason + &seen }))
            }
            failure => Err(failure),
        }
    }
}
