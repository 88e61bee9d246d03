//! `.dockerignore`, with Docker's own meaning: patterns are anchored at the root of the context, the last one that
//! matches decides, and a pattern that matches a directory matches all beneath it. Pure.

use super::pattern::Pattern;

/// A line that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {pattern:?} is not a pattern")]
pub struct InvalidPattern {
    /// Its number, from 1.
    pub line: usize,
    /// What is written there.
    pub pattern: String,
}

/// What a build context leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `!`: puts back what an earlier rule left out.
    exception: bool,
    pattern: Pattern,
}

impl Ignore {
    /// Reads the contents of a `.dockerignore` file.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut rules = Vec::new();
        for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
            // A comment begins in the first column; ` #` is a pattern.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let invalid = || InvalidPattern { line: index + 1, pattern: line.trim().to_owned() };
            let (exception, pattern) = match line.trim().strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line.trim()),
            };
            if pattern.is_empty() {
                return Err(invalid());
            }
            rules.push(Rule { exception, pattern: Pattern::parse(&clean(pattern)).ok_or_else(invalid)? });
        }
        Ok(Self { rules })
    }

    /// Whether `path`, relative to the context and separated by `/`, is left out.
    pub fn excludes(&self, path: &str) -> bool {
        let prefixes = || path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
        let mut excluded = false;
        for rule in &self.rules {
            // A rule that could not change the verdict is not asked.
            if rule.exception == excluded && prefixes().any(|prefix| rule.pattern.matches(prefix)) {
                excluded = !rule.exception;
            }
        }
        excluded
    }

    /// Whether something beneath an excluded directory may be put back, so that it must be looked into.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.exception)
    }
}

/// Go's `filepath.Clean`, without a leading `/`: patterns are relative to the context either way.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
