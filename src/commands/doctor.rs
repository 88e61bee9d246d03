//! `doctor`: what may be missing on the operator's own machine. No host is contacted.

use crate::cli::{self, Global};
use crate::clock::{Clock, SystemClock};
use crate::doctor::{self, Finding, State, Subject};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::manifest::{self, Overrides};
use crate::report::Reporter;
use crate::report::doctor::DoctorAnswer;

use super::root;

/// Looks at the machine, and at what the environments of the project need of it, if this is one.
pub(super) async fn run(reporter: &Reporter, global: &Global, arguments: &cli::Doctor) -> Result<Exit> {
    let root = root::find(global.project.as_deref());
    let root = match (root, &arguments.environment, &global.project) {
        (Ok(root), ..) => Some(root),
        (Err(_), None, None) => None,
        (Err(error), ..) => return Err(error),
    };
    let mut environments: Vec<Environment> = Vec::new();
    let mut broken = Vec::new();
    if let Some(root) = &root {
        let known = manifest::environments(root).iter().map(ToString::to_string).collect();
        let names: Vec<String> = arguments.environment.clone().map_or(known, |name| vec![name]);
        for name in &names {
            match manifest::load(root, name, &Overrides::default()) {
                Ok(environment) => environments.push(environment),
                // A name that was typed wrong is no finding.
                Err(errors) if !manifest::environments(root).iter().any(|known| known.as_str() == *name) => {
                    return Err(Error::bad_input(errors));
                }
                Err(errors) => {
                    let found = errors.iter().map(|one| one.message.clone()).collect::<Vec<_>>().join("; ");
                    let advice = format!("shipctl config validate {name}");
                    broken.push(Finding::fail(format!("{name}: manifest"), found, advice));
                    // What hosts there are may be plain all the same.
                    environments.extend(manifest::load_recorded(root, name, &Overrides::default()).ok());
                }
            }
        }
    }
    let (root, now, redactor) = (root.as_deref(), SystemClock.now(), reporter.redactor());
    let mut findings = doctor::examine(&Subject { environments, root, now, redactor }).await;
    // One line about a manifest: that it is broken.
    findings.retain(|finding| !broken.iter().any(|other: &Finding| other.about == finding.about));
    findings.extend(broken);
    let answer = DoctorAnswer { findings };
    let exit = if answer.number(State::Fail) == 0 { Exit::Done } else { Exit::Unchanged };
    reporter.answer(&answer, exit);
    Ok(exit)
}
