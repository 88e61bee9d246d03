//! `history`: past rollouts, as the hosts remember them, and what journals of this checkout add. Changes nothing.

use std::collections::BTreeSet;

use anyhow::anyhow;

use crate::cli::{self, HistoryAction, HistoryShow, Overrides, Target};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::ledger::{Entry, Ledger};
use crate::fleet::select::Selection;
use crate::journal::{shelf, story::Story};
use crate::name::HostName;
use crate::release::ReleaseId;
use crate::report::history::HistoryAnswer;
use crate::report::told::{ReleaseAnswer, Told};

use super::doors::{all_answer, unreachable};
use super::{Context, hand};

/// The list, or one release.
pub(super) async fn run(context: &Context, arguments: &cli::History) -> Result<Exit> {
    match (&arguments.action, &arguments.environment) {
        (Some(HistoryAction::Show(arguments)), _) => show(context, arguments).await,
        (None, Some(environment)) => list(context, &Target { environment: environment.clone() }, arguments).await,
        (None, None) => Err(Error::bad_input(anyhow!("say which environment"))),
    }
}

async fn list(context: &Context, target: &Target, arguments: &cli::History) -> Result<Exit> {
    let environment = context.recorded_environment(target, &Overrides::default())?;
    if arguments.by_hand {
        return hand::history(context, &environment, arguments.limit);
    }
    let (ledger, unreachable) = recorded(context, &environment, Answers::Needed).await?;
    let (rollouts, acts) = (ledger.entries.iter().map(|it| it.number), ledger.acts.iter().map(|it| it.number));
    let mut numbers: Vec<_> = rollouts.chain(acts).collect();
    numbers.sort_unstable();
    let kept: BTreeSet<_> = numbers.into_iter().rev().take(arguments.limit).collect();
    let answer = HistoryAnswer {
        scope: environment.scope(),
        current: ledger.current().map(|entry| entry.release.clone()),
        entries: ledger.entries.into_iter().rev().filter(|it| kept.contains(&it.number)).collect(),
        acts: ledger.acts.into_iter().rev().filter(|it| kept.contains(&it.number)).collect(),
        unreachable,
        now: context.clock.now(),
    };
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

async fn show(context: &Context, arguments: &HistoryShow) -> Result<Exit> {
    let wanted = &arguments.release;
    if !ReleaseId::is_name(wanted) {
        let error = anyhow!("`{wanted}` is not the name of a release: those are `12`, `r12`, or a digest");
        return Err(Error::bad_input(error).hint("`history` lists them"));
    }
    let environment = context.recorded_environment(&arguments.target, &Overrides::default())?;
    let scope = environment.scope();
    let journals = shelf::of_release(&context.root, &scope.environment, wanted);
    let answers = if journals.is_empty() { Answers::Needed } else { Answers::Welcome };
    let (ledger, unreachable) = recorded(context, &environment, answers).await?;
    let in_force = ledger.current().is_some_and(|entry| entry.release.matches(wanted));
    let rollouts = told(&ledger, journals, wanted);
    if rollouts.is_empty() {
        let known: Vec<_> = ledger.completed().rev().take(5).map(|entry| entry.release.to_string()).collect();
        let error = anyhow!("{} {}: nothing is known of {wanted}", scope.project, scope.environment);
        let error = Error::unchanged(error);
        return Err(if known.is_empty() { error } else { error.hint(format!("releases: {}", known.join(", "))) });
    }
    let answer = ReleaseAnswer { scope, rollouts, in_force, unreachable, now: context.clock.now() };
    context.reporter.answer(&answer, Exit::Done);
    Ok(Exit::Done)
}

/// Whether a host has to answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Needed,
    Welcome,
}

/// Reads the ledger of the hosts; with the hosts that did not answer.
async fn recorded(
    context: &Context,
    environment: &Environment,
    answers: Answers,
) -> Result<(Ledger, Vec<(HostName, String)>)> {
    context
        .visit(environment, async |fleet| {
            let observed = context.look(fleet).await?;
            let everybody = Selection::default();
            let silent = unreachable(&observed, &everybody);
            if silent.len() == observed.hosts.len() && answers == Answers::Needed {
                all_answer(&observed, &everybody)?;
            }
            Ok((observed.ledger(), silent))
        })
        .await
}

/// The rollouts of a release by both records, newest first.
fn told(ledger: &Ledger, journals: Vec<shelf::Recorded>, wanted: &str) -> Vec<Told> {
    let stories = journals.into_iter().filter_map(|it| Some((it.path, Story::of(it.records)?)));
    let mut stories: Vec<_> = stories.collect();
    let mut told: Vec<Told> = Vec::new();
    for entry in ledger.entries.iter().rev().filter(|entry: &&Entry| entry.release.matches(wanted)) {
        let found = stories.iter().position(|(_, story)| story.rollout == entry.rollout);
        told.push(Told { entry: Some(entry.clone()), journal: found.map(|index| stories.remove(index)) });
    }
    told.extend(stories.into_iter().map(|story| Told { entry: None, journal: Some(story) }));
    let ended = |told: &Told| {
        let journal = told.journal.as_ref().map(|(_, story)| story.ended);
        told.entry.as_ref().map(|entry| entry.at).or(journal)
    };
    told.sort_by_key(|one| std::cmp::Reverse(ended(one)));
    told
}
