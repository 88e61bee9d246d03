//! What an engine says of itself.

use super::{EngineFacts, Facts, Finding, Question, State};
use crate::image::reference::DEFAULT_REGISTRY;

/// Drivers that newer engines do not have any more.
const GONE: [&str; 3] = ["aufs", "devicemapper", "overlay"];

pub(super) fn storage(engine: &EngineFacts) -> Finding {
    let driver = engine.storage.as_str();
    let moves = "images and containers do not move with it: give the host the driver overlay2, and deploy anew";
    if GONE.contains(&driver) {
        let found = format!("the storage driver {driver} is gone from newer engines");
        return Finding::bad(Question::Storage, driver, found, moves);
    }
    if engine.storage_details.get("Supports d_type").is_some_and(|supports| supports == "false") {
        let found = "the file system does not tell kinds of files (d_type), without which layers break".to_owned();
        return Finding::bad(Question::Storage, driver, found, "make it anew, as ext4 or as xfs with ftype=1");
    }
    if driver == "vfs" {
        let found = "the storage driver vfs copies every layer whole, in time and room";
        return Finding::warning(Question::Storage, driver, found, moves);
    }
    Finding::ok(Question::Storage, driver)
}

pub(super) fn registries(Facts { engine, registries, mirrors, .. }: &Facts) -> Vec<Finding> {
    let lost = registries.iter().filter_map(|(registry, answer)| Some((registry, answer.as_ref().err()?)));
    let missing = mirrors.iter().filter(|mirror| !engine.mirrors.contains(mirror)).map(|mirror| {
        let found = format!("its engine does not ask {mirror} for what is Docker Hub's");
        let advice = "shipctl host setup ENV, or add it where the engine is told of its mirrors";
        Finding::warning(Question::Registry, "no mirror", found, advice)
    });
    let findings: Vec<_> = lost
        .map(|(registry, why)| {
            let has_mirrors = registry == DEFAULT_REGISTRY && !engine.mirrors.is_empty();
            let of = if has_mirrors { format!("{registry}, nor of its mirrors") } else { registry.clone() };
            let advice = "see that the name resolves there, that no firewall is in between, and that the engine trusts its \
                          certificate (shipctl host setup ENV)";
            Finding::bad(Question::Registry, "no answer", format!("its engine gets no answer of {of}: {why}"), advice)
        })
        .chain(missing)
        .collect();
    match (findings.is_empty(), registries.is_empty()) {
        (false, _) => findings,
        (true, true) => vec![Finding::ok(Question::Registry, "none")],
        (true, false) => vec![Finding::ok(Question::Registry, "answers")],
    }
}

pub(super) fn live_restore(engine: &EngineFacts) -> Finding {
    if engine.restores {
        return Finding::ok(Question::LiveRestore, "on");
    }
    let found = "containers end when the engine is restarted or upgraded (live-restore is off)";
    Finding::warning(
        Question::LiveRestore,
        "off",
        found,
        "shipctl host setup ENV, or `\"live-restore\": true` in daemon.json",
    )
}

/// Each as its own finding, so that none is lost in a list.
pub(super) fn warnings(engine: &EngineFacts) -> Vec<Finding> {
    if engine.warnings.is_empty() {
        return vec![Finding::ok(Question::Warnings, "none")];
    }
    let short = engine.warnings.len().to_string();
    let finding = |warning: &String| {
        let found = warning.trim().trim_start_matches("WARNING: ").to_owned();
        let none = Finding::ok(Question::Warnings, &short);
        Finding { state: State::Warning, found: Some(found), ..none }
    };
    engine.warnings.iter().map(finding).collect()
}
