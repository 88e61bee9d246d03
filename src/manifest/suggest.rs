//! The nearest valid word.

/// The candidate that the word is most probably a misspelling of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(word.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `port`?`` or, without a near word, what there is.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => one_of(candidates),
    }
}

/// ``use one of `a`, `b`, `c` ``.
pub(crate) fn one_of<'a>(candidates: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = candidates.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "there are none".to_owned(),
        [only] => format!("use {only}"),
        _ => format!("use one of {}", words.join(", ")),
    }
}
