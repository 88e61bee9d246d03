//! How two merged manifests differ, value by value.

use std::collections::BTreeMap;

use super::Manifest;
use super::show::Provenance;

/// A value that two manifests do not have alike.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Keys and list positions.
    pub path: String,
    /// What the one has there.
    pub left: Option<Provenance>,
    /// What the other has there.
    pub right: Option<Provenance>,
}

impl Manifest {
    /// All values in which `self` (left) and another manifest (right) differ, in the order of `self`; what only the other has
    /// comes last. Which layers they extend is not a difference.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let is_value = |value: &Provenance| value.path != "extends" && !value.path.starts_with("extends[");
        let mut theirs: BTreeMap<String, (usize, Provenance)> = other
            .provenance()
            .into_iter()
            .filter(is_value)
            .enumerate()
            .map(|(at, value)| (value.path.clone(), (at, value)))
            .collect();
        let mut found = Vec::new();
        for left in self.provenance().into_iter().filter(is_value) {
            let right = theirs.remove(&left.path).map(|(_, value)| value);
            if right.as_ref().is_none_or(|right| right.value != left.value) {
                found.push(Difference { path: left.path.clone(), left: Some(left), right });
            }
        }
        let mut rest: Vec<_> = theirs.into_values().collect();
        rest.sort_by_key(|(at, _)| *at);
        found.extend(rest.into_iter().map(|(_, right)| Difference {
            path: right.path.clone(),
            left: None,
            right: Some(right),
        }));
        found
    }
}
