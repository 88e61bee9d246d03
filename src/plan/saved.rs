//! A plan in a file: reviewed, then carried out exactly, or refused when the fleet or the manifest no longer
//! give the same plan.

use crate::plan::{PLAN_FORMAT, Plan};

/// Why a saved plan is not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// Not a plan.
    #[error("this is not a saved plan: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the plan has format {found}, this shipctl reads format {PLAN_FORMAT}: make the plan again")]
    Format {
        /// The file's format.
        found: u64,
    },
    /// The same manifest and fleet no longer give this plan.
    #[error("the plan is stale: {0}")]
    Stale(String),
}

/// The file's text.
pub fn write(plan: &Plan) -> Result<String, SavedPlanError> {
    Ok(serde_json::to_string_pretty(plan)? + "\n")
}

/// Reads the text back.
pub fn read(text: &str) -> Result<Plan, SavedPlanError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    let found = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if found != u64::from(PLAN_FORMAT) {
        return Err(SavedPlanError::Format { found });
    }
    Ok(serde_json::from_value(value)?)
}

/// Compares a saved plan with one made now from the same manifest; the error names the first difference.
pub fn compare(saved: &Plan, now: &Plan) -> Result<(), SavedPlanError> {
    if without_loads(saved) == without_loads(now) {
        return Ok(());
    }
    let stale = |what: String| Err(SavedPlanError::Stale(what));
    if saved.scope != now.scope {
        return stale(format!("it is for {}, not for {}", saved.scope.prefix(), now.scope.prefix()));
    }
    if saved.key != now.key && saved.seen == now.seen {
        return stale(
            "its secrets were fingerprinted with a key that neither a host nor this checkout has; \
             before the first deployment, a plan is carried out where it was made"
                .to_owned(),
        );
    }
    if let Some(host) =
        saved.seen.keys().chain(now.seen.keys()).find(|host| saved.seen.get(*host) != now.seen.get(*host))
    {
        return stale(format!("host {host} no longer looks as it did"));
    }
    if let Some(service) = saved.images.keys().find(|service| saved.images.get(*service) != now.images.get(*service)) {
        return stale(format!("the image of {service} is another one now"));
    }
    if let Some(service) = saved.capacity.keys().find(|it| saved.capacity.get(*it) != now.capacity.get(*it)) {
        return stale(format!("{service} serves on other hosts than it did, or other limits hold"));
    }
    let published = |plan: &Plan| plan.publications.iter().map(|it| (it.store.clone(), it.seen.clone())).collect();
    let (before, after): (Vec<_>, Vec<_>) = (published(saved), published(now));
    if let Some((store, _)) = before.iter().find(|it| !after.contains(it)) {
        return stale(format!("the store {store} no longer holds what it did"));
    }
    if saved.release != now.release {
        return stale(format!(
            "the manifest, a template or a secret changed: it was {}, it is {} now",
            saved.release, now.release
        ));
    }
    stale("the manifest changed how it is rolled out".to_owned())
}

/// What hosts lack of images may have become less, by a `pull` or by another plan, and makes no other plan.
fn without_loads(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.preparations.values_mut().for_each(|preparation| preparation.loads.clear());
    plan
}
