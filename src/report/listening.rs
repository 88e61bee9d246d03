//! The words for what happens while containers are listened to.

use crate::event::Listening;

use super::clean::clip;
use super::line::{LONGEST, Line, milestone};
use super::style::Tone;

/// What is said about it.
pub(super) fn line(listening: &Listening) -> Line<'_> {
    match listening {
        Listening::Lost { host, reason } => {
            let text = format!("does not answer, asking again: {}", clip(reason, LONGEST));
            milestone(text).on(host).toned(Tone::Warning)
        }
        Listening::Back { host } => milestone("answers again".to_owned()).on(host).toned(Tone::Good),
        Listening::Joined { host, service, release } => {
            milestone(format!("a container of release {release} was started")).on(host).of(service)
        }
        Listening::Unreadable { host, service, reason } => {
            let text = format!("cannot be read: {}", clip(reason, LONGEST));
            milestone(text).on(host).of(service).toned(Tone::Warning)
        }
    }
}
