//! `config schema`: what may be written in a manifest, for editors.

use std::io::{self, Write};

use anyhow::Context as _;

use crate::environment::resolve;
use crate::error::{Error, Exit, Result};

/// Writes the schema.
pub(super) fn run() -> Result<Exit> {
    let written = io::stdout().write_all(text().as_bytes());
    written.context("the schema cannot be written").map_err(Error::unchanged)?;
    Ok(Exit::Done)
}

/// The schema as text.
fn text() -> String {
    format!("{:#}\n", resolve::schema())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_schema_is_current() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest.schema.json");
        let shipped = std::fs::read_to_string(file).unwrap_or_default();
        assert!(shipped == text(), "write it anew: cargo run -- config schema > docs/manifest.schema.json");
    }
}
