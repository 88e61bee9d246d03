//! `host setup`: prepare hosts for their first deploy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::cli::host::{HostSetup, destinations, public_key};
use crate::cli::{Overrides, Target};
use crate::engine::docker::{self, Supply};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::checkup::{Finding, silent};
use crate::fleet::setup::{self, Authority, Item, Login, Stands, Wish};
use crate::fleet::{Endpoint, Host};
use crate::machine::look::Wanted;
use crate::machine::{Machine, MachineError};
use crate::report::host::{Prepared, SetupAnswer};
use crate::rollout::cancel::Cancel;
use crate::transport::{self, Transport};

use super::super::Context;
use super::super::confirm::{Answer, Assent};
use super::by_ssh;
use super::check::{self, Asked};

/// Longest wait for one host to let us in.
const OPEN: Duration = Duration::from_secs(45);
/// Where engines of distributions keep what they have.
const ROOT: &str = "/var/lib/docker";

/// One host, reached.
struct Site {
    host: Host,
    transport: Arc<dyn Transport>,
    machine: Machine,
    items: Vec<Item>,
}

/// What is done, and where.
struct Work<'a> {
    context: &'a Context,
    wish: Wish,
    environment: Option<&'a Environment>,
}

/// Prepares hosts of an environment.
pub(in super::super) async fn run(context: &Context, arguments: &HostSetup) -> Result<Exit> {
    let [name] = &arguments.targets[..] else {
        let source = anyhow!(
            "{} cannot be told apart: name one environment, or addresses only",
            arguments.targets.join(" and ")
        );
        return Err(Error::bad_input(source).hint("an address has a `@`, `.` or `:` in it, such as root@web1"));
    };
    let target = Target { environment: name.clone() };
    let environment = context.recorded_environment(&target, &Overrides::default())?;
    let hosts = by_ssh(&environment, &arguments.selectors)?.into_iter().cloned().collect();
    let authority = environment.registry.as_ref().and_then(|own| Some((own.host.clone(), own.ca.as_ref()?)));
    let authority = authority.map(|(registry, ca)| {
        let path = environment.root.join(ca);
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()));
        text.map(|text| Authority { registry, text })
    });
    let authority = authority.transpose().map_err(Error::bad_input)?;
    let mirrors = environment.mirrors.iter().map(ToString::to_string).collect();
    let wish = Wish { authority, mirrors, login: login(arguments)? };
    Work { context, wish, environment: Some(&environment) }.run(arguments, hosts).await
}

/// Prepares hosts of no environment yet.
pub(in super::super) async fn of_addresses(
    context: &Context,
    arguments: &HostSetup,
    addresses: &[String],
) -> Result<Exit> {
    if !arguments.selectors.hosts.is_empty() {
        return Err(Error::bad_input(anyhow!("--host chooses among the hosts of an environment, and none is named")));
    }
    let destinations = destinations(addresses).map_err(|error| Error::bad_input(anyhow!(error)))?;
    let mut hosts = Vec::new();
    for destination in destinations {
        let name = destination.host.to_lowercase().replace(':', "-");
        let name = name.parse().with_context(|| format!("{} cannot be a host's name", destination.host));
        let (name, endpoint) = (name.map_err(Error::bad_input)?, Endpoint::Ssh(destination));
        hosts.push(Host { name, endpoint, role: None, labels: BTreeMap::new() });
    }
    let wish = Wish { login: login(arguments)?, ..Wish::default() };
    Work { context, wish, environment: None }.run(arguments, hosts).await
}

fn login(arguments: &HostSetup) -> Result<Option<Login>> {
    let (Some(user), Some(file)) = (&arguments.user, &arguments.key) else { return Ok(None) };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    let text = text.map_err(Error::bad_input)?;
    let key = public_key(&text).map_err(|why| Error::bad_input(anyhow!("{}: {why}", file.display())))?;
    Ok(Some(Login { user: user.clone(), key: key.to_owned() }))
}

impl Work<'_> {
    async fn run(&self, arguments: &HostSetup, hosts: Vec<Host>) -> Result<Exit> {
        let context = self.context;
        let assent = if arguments.dry_run {
            Assent::Given
        } else {
            context.assent_to(arguments.assent, "this changes hosts")?
        };
        let looking = async { Ok(join_all(hosts.into_iter().map(|host| self.look(host))).await) };
        let looked = context.signals.unless_cancelled(looking).await?;
        let (mut sites, mut prepared) = (Vec::new(), Vec::new());
        for one in looked {
            match one {
                Ok(site) => sites.push(site),
                Err(refused) => prepared.push(refused),
            }
        }
        let result = tokio::select! {
            biased;
            error = context.signals.aborted() => Err(error),
            result = self.go_on(arguments.dry_run, assent, &sites, prepared) => result,
        };
        join_all(sites.iter().map(|site| site.transport.close())).await;
        result
    }

    async fn go_on(&self, dry_run: bool, assent: Assent, sites: &[Site], refused: Vec<Prepared>) -> Result<Exit> {
        let context = self.context;
        let mut answer = SetupAnswer { hosts: refused, is_plan: true };
        answer.hosts.extend(sites.iter().map(Site::planned));
        answer.hosts.sort_by(|one, other| one.host.cmp(&other.host));
        if dry_run {
            let exit = if answer.is_well() { Exit::Done } else { Exit::Unchanged };
            context.reporter.answer(&answer, exit);
            return Ok(exit);
        }
        let changes = sites.iter().filter(|site| site.steps().next().is_some()).count();
        if changes > 0 {
            context.reporter.preview(&answer);
            let question = format!("Prepare {changes} of {} hosts? [y/N]", answer.hosts.len());
            if context.confirm(assent, question).await? == Answer::No {
                return Err(Error::unchanged(anyhow!("not confirmed, so nothing was changed")));
            }
        }
        let cancel = context.signals.act(&context.recorder());
        let done = join_all(sites.iter().map(|site| self.carry_out(site, cancel))).await;
        context.signals.rest();
        let refused = answer.hosts.into_iter().filter(|one| one.items.is_empty());
        let mut answer = SetupAnswer { hosts: refused.chain(done).collect(), is_plan: false };
        answer.hosts.sort_by(|one, other| one.host.cmp(&other.host));
        let exit = match answer.is_well() {
            true => Exit::Done,
            false if cancel.is_requested() => Exit::Interrupted,
            false if changes > 0 => Exit::Mixed,
            false => Exit::Unchanged,
        };
        context.reporter.answer(&answer, exit);
        Ok(exit)
    }

    /// Reaches a host, and plans. Where that fails it is said why, and nothing else is done there.
    async fn look(&self, host: Host) -> std::result::Result<Site, Prepared> {
        let refused = |host: &Host, error: String, hint: Option<String>| {
            let error = hint.map_or(error.clone(), |hint| format!("{error}\n{hint}"));
            Prepared { host: host.name.clone(), items: Vec::new(), error: Some(error), findings: Vec::new() }
        };
        let transport = match timeout(OPEN, transport::reach(&host)).await {
            Ok(Some(Ok(transport))) => transport,
            Ok(Some(Err(error))) => return Err(refused(&host, error.message, error.hint)),
            Ok(None) => return Err(refused(&host, MachineError::NoShell.to_string(), MachineError::NoShell.hint())),
            Err(_) => return Err(refused(&host, format!("no connection within {} s", OPEN.as_secs()), None)),
        };
        let machine = async {
            let machine = Machine::new(Arc::clone(&transport)).as_root().await?;
            let facts = machine.look(&self.wanted()).await?;
            Ok::<_, MachineError>((machine, facts))
        };
        let planned = match machine.await {
            Ok((machine, facts)) => match setup::plan(&facts, &self.wish) {
                Ok(items) => Ok((machine, items)),
                Err(refusal) => Err(refused(&host, refusal.to_string(), None)),
            },
            Err(error) => Err(refused(&host, error.to_string(), error.hint())),
        };
        match planned {
            Ok((machine, items)) => Ok(Site { host, transport, machine, items }),
            Err(refused) => {
                transport.close().await;
                Err(refused)
            }
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        let registry = self.wish.authority.as_ref().map_or("", |authority| &authority.registry);
        Wanted { root: ROOT, registry, account: self.wish.login.as_ref().map_or("", |login| &login.user) }
    }

    /// Does what is to be done on one host, looks again, and checks it.
    async fn carry_out(&self, site: &Site, cancel: &Cancel) -> Prepared {
        let mut error = None;
        for step in site.steps() {
            if cancel.is_requested() {
                error = Some("interrupted".to_owned());
                break;
            }
            if let Err(why) = site.machine.carry_out(step).await {
                error = Some(why.to_string());
                break;
            }
        }
        // What stands in the answer was seen, not believed.
        let items = match site.machine.look(&self.wanted()).await {
            Ok(facts) => setup::plan(&facts, &self.wish).unwrap_or_default(),
            Err(why) => {
                error.get_or_insert_with(|| why.to_string());
                Vec::new()
            }
        };
        let host = site.host.name.clone();
        Prepared { host, items, error, findings: self.findings(site).await }
    }

    async fn findings(&self, site: &Site) -> Vec<Finding> {
        let asked = self.environment.map(|environment| Asked::of(environment, &site.host)).unwrap_or_default();
        match docker::over(Arc::clone(&site.transport), Supply::default()).await {
            Ok(door) => check::findings(&*self.context.clock, &door, &asked).await,
            Err(error) => silent(&error.message),
        }
    }
}

impl Site {
    fn steps(&self) -> impl Iterator<Item = &setup::Step> {
        self.items.iter().filter_map(|item| match &item.stands {
            Stands::Will(step) => Some(step),
            Stands::Already | Stands::Left(_) => None,
        })
    }

    fn planned(&self) -> Prepared {
        Prepared { host: self.host.name.clone(), items: self.items.clone(), error: None, findings: Vec::new() }
    }
}
