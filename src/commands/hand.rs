//! What commands that act by hand have in common: containers that are meant, and the record of what was done.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};

use crate::cli::{self, Overrides, Selectors};
use crate::console::choice::current;
use crate::environment::{Environment, edge};
use crate::error::{Error, Exit, Result};
use crate::event::{Event, Warning};
use crate::fleet::observed::{Observed, ObservedContainer};
use crate::fleet::select::Selection;
use crate::journal::hand::{self, Deed, Ending, Place, What, Writer};
use crate::name::{HostName, ServiceName};
use crate::report::hand::ByHandAnswer;
use crate::rollout::recorder::Recorder;

use super::{Context, operator, secrets, select};

/// A container that something is done in.
#[derive(Clone)]
pub(super) struct Target {
    /// Where.
    pub(super) host: HostName,
    /// Which container.
    pub(super) container: ObservedContainer,
}

impl Target {
    /// Whose it is.
    pub(super) fn service(&self) -> &ServiceName {
        &self.container.stamp.service
    }

    fn place(&self) -> Place {
        let (service, container) = (self.service().clone(), self.container.name.clone());
        Place { host: self.host.clone(), service: Some(service), container: Some(container) }
    }
}

/// The containers of the selected service that run, one per service and host.
pub(super) fn targets(observed: &Observed, selection: &Selection) -> Vec<Target> {
    let hosts = observed.hosts.keys().filter(|host| selection.has_host(host));
    let seen = hosts.filter_map(|host| Some((host, observed.seen(host)?)));
    let targets = seen.flat_map(|(host, seen)| {
        let running = current(seen).into_iter().filter(|one| selection.has_service(&one.stamp.service));
        running.map(|container| Target { host: host.clone(), container: container.clone() })
    });
    targets.collect()
}

/// Which service is meant: the one that was asked for, or the only one. The edge is only meant when it is asked for.
fn one_service(environment: &Environment, selection: &Selection, asked: &[String]) -> Result<Selection> {
    let all = environment.services.values().filter(|service| selection.has_service(&service.name));
    let meant = all.filter(|service| !asked.is_empty() || service.name.as_str() != edge::EDGE);
    let names: BTreeSet<&str> =
        meant.map(|service| service.instance_of.as_ref().unwrap_or(&service.name).as_str()).collect();
    let names: Vec<_> = names.into_iter().collect();
    let [name] = names[..] else {
        let source = anyhow!("there are several services: {}", names.join(", "));
        return Err(Error::bad_input(source).hint("say which one with --service"));
    };
    let chosen = Selection::resolve(environment, &[], &[name.to_owned()]).map_err(Error::bad_input)?;
    Ok(selection.clone().of_services(&chosen))
}

/// The environment, and the one service of it that something is done to by hand. The redactor learns what it can of its
/// secrets: neither the record nor lines of several hosts may hold one.
pub(super) async fn meant(
    context: &Context,
    target: &cli::Target,
    selectors: &Selectors,
) -> Result<(Environment, Selection)> {
    let environment = context.recorded_environment(target, &Overrides::default())?;
    let selection = select(&environment, selectors)?;
    let selection = one_service(&environment, &selection, &selectors.services)?;
    secrets::only(&environment, [], context.reporter.redactor()).await?;
    Ok((environment, selection))
}

/// Shows what was done by hand from this checkout. Nobody is contacted.
pub(super) fn history(context: &Context, environment: &Environment, limit: usize) -> Result<Exit> {
    let scope = environment.scope();
    let entries = hand::read(&context.root, &scope, limit).context("what was done by hand cannot be read");
    let answer = ByHandAnswer { scope, entries: entries.map_err(Error::unchanged)?, now: context.clock.now() };
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// The record of something that is being done.
pub(super) struct Recorded {
    writer: Writer,
}

impl Recorded {
    /// Writes down what is about to be done in containers. What cannot be written down is not done.
    pub(super) fn begin(
        context: &Context,
        environment: &Environment,
        verb: &str,
        targets: &[Target],
        command: &[String],
        reason: Option<&String>,
    ) -> Result<Self> {
        Self::begin_at(context, environment, verb, targets.iter().map(Target::place).collect(), command, reason)
    }

    /// The same, wherever it is.
    pub(super) fn begin_at(
        context: &Context,
        environment: &Environment,
        verb: &str,
        places: Vec<Place>,
        command: &[String],
        reason: Option<&String>,
    ) -> Result<Self> {
        let redactor = context.reporter.redactor().clone();
        let id = format!("{:016x}", operator::random());
        let deed = Deed {
            verb: verb.to_owned(),
            by: operator::by(),
            places,
            command: command.to_vec(),
            reason: reason.cloned(),
        };
        let begun = || {
            let mut writer = Writer::open(&context.root, &environment.scope(), id, redactor)?;
            writer.append(context.clock.now(), What::Begun(deed)).map(|()| Self { writer })
        };
        begun().context("it cannot be written down, so it is not done").map_err(Error::unchanged)
    }

    /// The same once the answer is given, which a record that cannot be written does not make less true: that is a warning.
    pub(super) fn end_after(self, context: &Context, recorder: &Recorder, endings: &[Ending]) {
        if let Err(error) = self.end(context, endings) {
            recorder.note(Event::Warning(Warning::Journal(format!("{:#}", error.source))));
        }
    }

    /// Writes down how it ended.
    pub(super) fn end(mut self, context: &Context, endings: &[Ending]) -> Result<()> {
        let ended = self.writer.append(context.clock.now(), What::Ended(endings.to_vec()));
        ended.context("it was done, but how it ended cannot be written down").map_err(Error::unchanged)
    }
}

/// How it ended in a place.
pub(super) fn ending(target: &Target, ended: std::result::Result<Option<i64>, String>) -> Ending {
    let (code, error) = match ended {
        Ok(Some(code)) => (Some(code), None),
        Ok(None) => (None, Some("how it ended is not known".to_owned())),
        Err(error) => (None, Some(error)),
    };
    Ending { host: Some(target.host.clone()), service: Some(target.service().clone()), code, error }
}
