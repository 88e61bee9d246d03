//! The text of a plan: what `shipctl plan` prints, and the language of the planner's tests.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use crate::duration::display as duration;
use crate::engine::Provision;
use crate::environment::When;
use crate::environment::edge::EDGE;
use crate::fleet::act::Act;
use crate::fleet::ledger::Kind;
use crate::name::{HostName, ServiceName};
use crate::plan::strategy::{Downtime, downtime, strategies};
use crate::plan::{Batch, Cause, Comparison, Note, Plan, Preparation, Replacement};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scope = &self.scope;
        if let Some(act) = &self.act {
            return self.act(f, act);
        }
        write!(f, "{} {} {}: {}", self.kind.as_str(), scope.project, scope.environment, self.release)?;
        match &self.from {
            Some(from) if *from == self.release => writeln!(f, " (in force)")?,
            Some(from) => writeln!(f, " (in force: {from})")?,
            None => writeln!(f, " (first release)")?,
        }
        if let Some(reason) = &self.reason {
            writeln!(f, "  reason: {reason}")?;
        }
        for (service, image) in &self.images {
            writeln!(f, "  image {service}: {image}")?;
        }
        for strategy in strategies(self) {
            writeln!(f, "  {strategy}")?;
        }
        for (point, hook) in &self.hooks {
            let words: Vec<_> = hook.command.iter().map(|word| word.escape_debug().to_string()).collect();
            writeln!(f, "  hook {point}: {}, within {}", words.join(" "), duration(hook.timeout))?;
        }
        for (name, told) in &self.notify {
            writeln!(f, "  notify {name}: {told}")?;
        }
        for (host, preparation) in &self.preparations {
            writeln!(f, "  prepare {host}: {preparation}")?;
        }
        for job in self.jobs.iter().filter(|job| job.when == When::Before) {
            writeln!(f, "  {job}")?;
        }
        for publication in &self.publications {
            write!(f, "{publication}")?;
        }
        for batch in &self.resumed {
            write!(f, "  resume: {batch}")?;
        }
        for ((index, batch), serving) in self.batches.iter().enumerate().zip(self.serving()) {
            let of = self.capacity.get(&batch.service).map_or(0, |capacity| capacity.hosts.len());
            write!(f, "  batch {} of {} ({serving} of {of} serve): {batch}", index + 1, self.batches.len())?;
        }
        for (service, back) in &self.back {
            writeln!(f, "  if it fails, {service} goes back {back}")?;
        }
        for job in self.jobs.iter().filter(|job| job.when == When::After) {
            writeln!(f, "  {job}")?;
        }
        for (host, retirements) in &self.retirements {
            for retirement in retirements {
                writeln!(f, "  afterwards {host}: remove {} (r{})", retirement.name, retirement.release)?;
            }
        }
        if let Some(pruning) = &self.pruning {
            let grace = crate::duration::display(pruning.grace);
            writeln!(f, "  afterwards: remove images that no release needs, but those of the last {grace}")?;
        }
        for (host, service) in &self.unchanged {
            writeln!(f, "  unchanged {host}: {service}")?;
        }
        if self.is_noop() {
            writeln!(f, "  nothing to do")?;
        } else if self.batches.is_empty() && self.unrecorded && self.due_jobs().next().is_none() {
            writeln!(f, "  record: every host runs it already, the record is missing")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// An act: what is done where, without what only a release has.
    fn act(&self, f: &mut Formatter<'_>, act: &Act) -> fmt::Result {
        let (scope, kind) = (&self.scope, self.kind.as_str());
        let kind_is_of_hosts = self.kind.is_of_hosts();
        write!(f, "{kind} {} {}", scope.project, scope.environment)?;
        if act.forced {
            f.write_str(", forced")?;
        }
        match &act.reason {
            Some(reason) => writeln!(f, ": {reason}")?,
            None => writeln!(f)?,
        }
        for (host, preparation) in self.preparations.iter().filter(|(_, it)| **it != Preparation::default()) {
            writeln!(f, "  prepare {host}: {preparation}")?;
        }
        for ((index, batch), serving) in self.batches.iter().enumerate().zip(self.serving()) {
            let of = self.capacity.get(&batch.service).map_or(0, |capacity| capacity.hosts.len());
            let number = format!("{} of {}", index + 1, self.batches.len());
            if kind_is_of_hosts {
                write!(f, "  batch {number}: {}", self.on_hosts(index))?;
            } else {
                write!(f, "  batch {number} ({serving} of {of} serve): {}", batch.service)?;
            }
            if !batch.monitor.is_zero() {
                write!(f, ", then monitor {}", duration(batch.monitor))?;
            }
            let seen = |one: &Replacement| match downtime(self, one, serving) {
                Downtime::None => None,
                seen => Some(format!("; {seen}")),
            };
            let is_seen = matches!(self.kind, Kind::Restart | Kind::Reboot);
            let seen = batch.replacements.iter().filter(|_| is_seen).find_map(seen);
            writeln!(f, "{}", seen.unwrap_or_default())?;
            for one in &batch.replacements {
                writeln!(f, "    {}: {} (r{})", one.host, one.target.name(), one.target.release())?;
                let steps: Vec<_> = one.steps.iter().map(ToString::to_string).collect();
                writeln!(f, "      {}", steps.join("; "))?;
            }
        }
        if let Some(reboot) = &self.reboot {
            writeln!(f, "  each host is to be back within {}", duration(reboot.back_within))?;
        }
        if self.is_noop() {
            writeln!(f, "  nothing to do")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  note: {note}"))
    }
}

impl Plan {
    /// The hosts of a batch, and how many others serve each service meanwhile.
    fn on_hosts(&self, index: usize) -> String {
        let hosts: BTreeSet<_> = self.batches[index].replacements.iter().map(|one| one.host.as_str()).collect();
        let serve = |(service, serving): (&ServiceName, &usize)| {
            let of = self.capacity.get(service).map_or(0, |capacity| capacity.hosts.len());
            format!("{serving} of {of} serve {service}")
        };
        let serving = self.all_serving();
        let serving: Vec<_> = serving[index].iter().map(serve).collect();
        format!("{} ({})", hosts.into_iter().collect::<Vec<_>>().join(", "), serving.join(", "))
    }
}

impl Display for Preparation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pulls = self.pulls.iter().map(|image| match self.loads.get(image.digest()) {
            Some(load) => format!("send {image}: {load}"),
            None if image.is_sent() => format!("send what is missing of {image}"),
            None => format!("pull {image}"),
        });
        let provisions = self.provisions.iter().map(|provision| match provision {
            Provision::Network(network) if network.external => format!("check that network {} is there", network.name),
            Provision::Network(network) => format!("create network {}", network.name),
            Provision::Volume(volume) if volume.external => format!("check that volume {} is there", volume.name),
            Provision::Volume(volume) => format!("create volume {}", volume.name),
        });
        let ports = self.free_ports.iter().map(|port| format!("check that port {port} is free"));
        let deliveries = self.deliveries.iter().map(|(_, set)| {
            let files = set.files.len();
            format!("put {files} file{} into {}", if files == 1 { "" } else { "s" }, set.place)
        });
        let versions =
            self.versions.iter().map(|(place, version)| format!("check that {place} holds the files {version}"));
        let key = self.key.then(|| "keep the key of fingerprints".to_owned());
        f.write_str(
            &pulls
                .chain(provisions)
                .chain(deliveries)
                .chain(versions)
                .chain(ports)
                .chain(key)
                .collect::<Vec<_>>()
                .join(", "),
        )
    }
}

impl Display for Batch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let canary = if self.canary { " (canary)" } else { "" };
        write!(f, "{}{canary}, then monitor {}", self.service, duration(self.monitor))?;
        if let Some(comparison) = &self.compare {
            write!(f, ", {comparison}")?;
        }
        writeln!(f)?;
        for replacement in &self.replacements {
            write!(f, "{replacement}")?;
        }
        for query in &self.queries {
            writeln!(f, "    afterwards ask {query}")?;
        }
        Ok(())
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let old: BTreeSet<_> = self.old.iter().map(|route| route.server.as_str()).collect();
        let old = old.into_iter().collect::<Vec<_>>().join(", ");
        write!(f, "comparing errors with {old}: {}", self.rate)
    }
}

impl Display for Replacement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "    {}: ", self.host)?;
        match &self.before {
            Some(before) => write!(f, "{} -> ", before.name)?,
            None if self.cause == Cause::OutOfTraffic => {}
            None => f.write_str("nothing -> ")?,
        }
        write!(f, "{}, {}", self.target.name(), self.cause)?;
        let secrets: Vec<_> = self.secrets.iter().map(|name| format!("secret {name} changed")).collect();
        writeln!(f, "{}{}", if secrets.is_empty() { "" } else { "; " }, secrets.join(", "))?;
        let staged: Vec<_> = self.staging.iter().map(ToString::to_string).collect();
        let staged = (!staged.is_empty()).then(|| format!("{} (before the first batch)", staged.join(", ")));
        let steps: Vec<_> = staged.into_iter().chain(self.steps.iter().map(ToString::to_string)).collect();
        let nothing = "runs it already; goes back with the others if this fails";
        writeln!(f, "      {}", if steps.is_empty() { nothing.to_owned() } else { steps.join("; ") })
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("not running yet"),
            Self::Image { from, to } => write!(f, "image {from} -> {to}"),
            Self::Configuration => f.write_str("configuration changed"),
            Self::Unfinished => f.write_str("left unfinished"),
            Self::OutOfTraffic => f.write_str("out of traffic"),
            Self::RollingBack => f.write_str("rolling back"),
            Self::Asked => f.write_str("asked for"),
        }
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orphan { host, container } => {
                write!(
                    f,
                    "{container} on {host} is of a service that this release does not have there; it keeps running"
                )
            }
            Self::Maintenance(route) => {
                write!(f, "{route} is in maintenance and stays so: no request reaches it")
            }
            Self::Elsewhere { route, to, host } => {
                write!(f, "{route} leads to {to}, which does not look like the service on {host}")
            }
            Self::Unchecked(route) => {
                write!(f, "{route} is not checked by the balancer, which sends requests whether it answers or not")
            }
            Self::Unread(route) => {
                write!(
                    f,
                    "{route}: nothing can be read back, so what its programs say is believed, also that no request is left"
                )
            }
            Self::Waits { route, at_most } => {
                let at_most = crate::duration::display(*at_most);
                write!(f, "{route}: requests wait while the host is in hand, and fail after {at_most}")
            }
            Self::Sticky(route) => {
                write!(f, "{route} has a cookie: clients that come with it are sent there also while it is drained")
            }
            Self::Closes(route) => {
                write!(
                    f,
                    "{route}: idle connections of clients are closed when the balancer is told to leave it or take it"
                )
            }
            Self::Uncounted { host, service } => {
                write!(f, "{service} on {host}: nobody can tell whether requests are open when it is stopped")
            }
            Self::OutAlready(service, hosts) => {
                let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
                write!(f, "{service} is out of service on {}, and this changes nothing there", hosts.join(", "))
            }
            Self::NoHealth(service) => {
                write!(f, "{service} has no health check: a container that keeps running passes")
            }
            Self::Canary { release, hosts, held } => {
                let names = |hosts: &[HostName]| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let (hosts, held) = (names(hosts), names(held));
                write!(
                    f,
                    "{release} comes to {hosts} as a canary; {held} wait until it is promoted (`shipctl promote`)"
                )
            }
            Self::NotCompared(service, hosts) => {
                let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
                write!(f, "errors of {service} on {} are not compared: no old server is left then", hosts.join(", "))
            }
            Self::NotSelected(host) => write!(f, "{host} is not selected and will not run this release"),
            Self::Unfinished(host) => write!(f, "an earlier rollout did not finish on {host}; it comes first"),
            Self::JobNotRun(job) => {
                write!(f, "job {job} is not run: its service is not selected, or the release does not come into force")
            }
            Self::JobNotUndone { job, release } => {
                write!(
                    f,
                    "job {job} has run for r{release} and cannot be undone: what this goes back to must bear what it changed"
                )
            }
            Self::KeyGone(host) => {
                write!(f, "the key of {host}'s secrets is gone: what they were cannot be told, so all count as changed")
            }
            Self::StoreGone { store, release } => {
                write!(
                    f,
                    "the manifest no longer has the store {store}: what {release} published there stays, with its \
                          record, until you remove it"
                )
            }
            Self::Already { host, service, runs: true } => write!(f, "{service} runs on {host} already"),
            Self::Already { host, service, runs: false } => write!(f, "{service} does not run on {host}"),
            Self::Stopped { host, service, by, reason } => {
                let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                write!(f, "{service} on {host} was taken out of service by {by}{reason}, and this brings it back")
            }
            Self::Deviation { host, service, by, reason } => {
                write!(f, "{service} on {host} was given something else by {by} ({reason}), and this replaces it")
            }
            Self::Held { host, service, by, reason } => {
                let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                write!(
                    f,
                    "{service} on {host} was drained by {by}{reason}, and gets no requests until `shipctl host admit`"
                )
            }
            Self::Untold { host, service } => {
                write!(f, "{service} on {host} is behind no balancer that could be told")
            }
            Self::Serves { host, service } => write!(f, "{service} on {host} gets its requests already"),
            Self::Bystanders { host, containers } => {
                write!(f, "{} on {host} are not of this environment, and are not drained before", containers.join(", "))
            }
            Self::EdgeLeft => write!(f, "{EDGE} is left as it is: it carries what the others serve (--service {EDGE})"),
            Self::AtMost(service, most) => {
                write!(
                    f,
                    "no more than {most} of {service} at a time may be out of service (--force: as many as --parallel says)"
                )
            }
            Self::NotDrained(route) => {
                write!(f, "{route} cannot be asked, and is not drained: requests that it sends meanwhile fail")
            }
            Self::WayBack { host, release } => {
                write!(f, "{host} cannot go back to {release} any more without a deploy")
            }
            Self::FirstDeploy(service) => {
                write!(f, "{service} has nothing to go back to on some hosts: there, a failure removes it again")
            }
        }
    }
}
