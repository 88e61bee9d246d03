//! Having a registry take a blob from another of its repositories.

use reqwest::StatusCode;

use super::super::token::Scope;
use super::pass::Errand;
use super::session::Session;
use super::upload::Upload;
use crate::image::reference::Reference;

/// What came of it.
pub(super) enum Mount {
    /// The blob is there.
    Done,
    /// The registry has begun an upload of it instead.
    Begun(Session),
    /// Neither.
    Not,
}

impl Upload<'_> {
    /// Asks for the blob from whichever of `others` has it. What is refused or not answered is no failure: it is uploaded.
    pub async fn take_over(&self, others: &[Reference]) -> Mount {
        for other in others {
            if !matches!(self.access.has(other, &self.blob.digest, self.credentials).await, Ok(true)) {
                continue;
            }
            let scope = Scope::Mount(self.image.path(), other.path());
            let errand = Errand { image: self.image, scope, credentials: self.credentials };
            let query = format!("?mount={}&from={}", self.blob.digest, other.path());
            let Ok(mut pass) = self.access.pass(errand).await else { continue };
            let Ok(answer) = self.post(&query, errand, &mut pass).await else { continue };
            match answer.status {
                // It does not do it, and would begin an upload for every other repository as well.
                StatusCode::ACCEPTED => return self.opened(&answer).map_or(Mount::Not, Mount::Begun),
                // What counts is what is there.
                status if status.is_success() => {
                    if matches!(self.access.has(self.image, &self.blob.digest, self.credentials).await, Ok(true)) {
                        return Mount::Done;
                    }
                }
                _ => {}
            }
        }
        Mount::Not
    }
}
