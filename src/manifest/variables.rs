//! The variables that manifests may refer to: those of the process, over those of `.env` in the project's root.

use std::path::Path;

use super::diagnostic::Diagnostics;
use super::dotenv;
use super::interpolate::{Unset, Variables};
use super::load::text;
use super::source::Source;

/// Beneath the project root; may be missing.
const FILE: &str = ".env";

/// Reads them all, once for a command. What of the process is not UTF-8 is left out.
pub(super) fn read(root: &Path) -> Result<Variables, Diagnostics> {
    let process =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables: Variables = process.collect();
    if root.join(FILE).exists() {
        let source = Source::new(FILE, text(root, Path::new(FILE))?);
        match dotenv::parse(&source, &variables, Unset::Refused) {
            Ok(found) => found.into_iter().for_each(|one| {
                variables.entry(one.name).or_insert(one.value);
            }),
            Err(problems) => Diagnostics::check(problems)?,
        }
    }
    Ok(variables)
}
