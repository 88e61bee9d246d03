//! `notify.<name>`.

use super::super::notify::TIMEOUT;
use super::shape::{
    Shape, boolean, command, duration, either, form, key, level, listed, name, named_text, text, words,
};
use crate::duration;
use crate::environment::notify::Occasion;

/// `notify.<name>`
pub(super) fn notification() -> Shape {
    let secret = || level([key("secret", "The secret that holds it.", name())]).item(&[]);
    let target = || {
        vec![
            key("url", "The address; often a secret itself.", either([form("https?://[^\\s]+"), secret()])),
            key("insecure", "Accept `http://`: whoever is on the way can read and change this.", boolean()),
            key("ca", "An authority to trust beside the system's, a file.", text()),
        ]
    };
    let headers = key("headers", "Headers beside the usual ones.", named_text(either([text(), secret()])));
    level([
        key("webhook", "A `POST` with the facts as JSON.", level(target().into_iter().chain([headers]))),
        key("slack", "An incoming webhook of Slack, or of what takes the same form.", level(target())),
        key("command", "A program on this machine and its arguments, without a shell.", command()),
        key(
            "on",
            "What they are told of; everything where it is not said.",
            listed(words(Occasion::ALL.map(Occasion::as_str))),
        ),
        key("timeout", "How long one attempt may take.", duration()).default(duration::display(TIMEOUT)),
    ])
}
