//! `age:`.

use std::path::PathBuf;

use age::x25519::Recipient;

use crate::environment::AgeKeys;
use crate::manifest::decode::Decoder;
use crate::manifest::node::{Entry, Node, quoted};

/// Recipients and the place of the operator's identity.
pub(super) fn decode(entry: &Entry, decoder: &mut Decoder<'_>) -> AgeKeys {
    let mut fields = decoder.map(&entry.value, entry.key);
    let recipients = fields.get("recipients").map(|node| decoder.list(node)).unwrap_or_default();
    let keys = AgeKeys {
        recipients: recipients.iter().filter_map(|node| recipient(node, decoder)).collect(),
        identity: fields.get("identity").and_then(|node| decoder.text(node)).map(PathBuf::from),
    };
    fields.finish(decoder);
    keys
}

fn recipient(node: &Node, decoder: &mut Decoder<'_>) -> Option<Recipient> {
    let text = decoder.text(node)?;
    match text.parse() {
        Ok(recipient) => Some(recipient),
        Err(_) if text.to_uppercase().contains("AGE-SECRET-KEY") => {
            let help = "take it out, and write the recipient, `age1…`; consider the identity as known to others";
            decoder.problem_unshown(
                node.span,
                "this is an identity, which must stay secret, and not a recipient",
                help,
            );
            None
        }
        Err(_) => {
            let help = "write `age1…` (X25519), as `shipctl secrets init` prints it";
            decoder.problem_with_help(node.span, format!("{} is not an age recipient", quoted(text)), help);
            None
        }
    }
}
