//! The text of a plan: what `shipctl plan` prints, and the language of the planner's tests.

use std::fmt::{self, Display, Formatter};

use crate::duration::display as duration;
use crate::engine::Provision;
use crate::plan::{Batch, Cause, Note, Plan, Preparation, Replacement};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scope = &self.scope;
        write!(f, "{} {} {}: {}", self.kind.as_str(), scope.project, scope.environment, self.release)?;
        match &self.from {
            Some(from) if *from == self.release => writeln!(f, " (in force)")?,
            Some(from) => writeln!(f, " (in force: {from})")?,
            None => writeln!(f, " (first release)")?,
        }
        for (service, image) in &self.images {
            writeln!(f, "  image {service}: {image}")?;
        }
        for (host, preparation) in &self.preparations {
            writeln!(f, "  prepare {host}: {preparation}")?;
        }
        for publication in &self.publications {
            write!(f, "{publication}")?;
        }
        for batch in &self.resumed {
            write!(f, "  resume: {batch}")?;
        }
        for (index, batch) in self.batches.iter().enumerate() {
            write!(f, "  batch {} of {}: {batch}", index + 1, self.batches.len())?;
        }
        for (host, retirements) in &self.retirements {
            for retirement in retirements {
                writeln!(f, "  afterwards {host}: remove {} (r{})", retirement.name, retirement.release)?;
            }
        }
        for (host, service) in &self.unchanged {
            writeln!(f, "  unchanged {host}: {service}")?;
        }
        if self.is_noop() {
            writeln!(f, "  nothing to do")?;
        } else if self.batches.is_empty() && self.unrecorded {
            writeln!(f, "  record: every host runs it already, the record is missing")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}

impl Display for Preparation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pulls = self.pulls.iter().map(|image| format!("pull {image}"));
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
        let key = self.key.then(|| "keep the key of fingerprints".to_owned());
        f.write_str(&pulls.chain(provisions).chain(deliveries).chain(ports).chain(key).collect::<Vec<_>>().join(", "))
    }
}

impl Display for Batch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let canary = if self.canary { " (canary)" } else { "" };
        writeln!(f, "{}{canary}, then monitor {}", self.service, duration(self.monitor))?;
        for replacement in &self.replacements {
            write!(f, "{replacement}")?;
        }
        Ok(())
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
            Self::Downtime { service, still_serving, of } => {
                write!(
                    f,
                    "{service} is replaced stop-first: {still_serving} of {of} hosts serve while a batch is replaced"
                )
            }
            Self::Drained { service, still_serving, of } => {
                write!(f, "{service} is drained host by host: {still_serving} of {of} serve while a batch is replaced")
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
            Self::NoHealth(service) => {
                write!(f, "{service} has no health check: a container that keeps running passes")
            }
            Self::NotSelected(host) => write!(f, "{host} is not selected and will not run this release"),
            Self::Unfinished(host) => write!(f, "an earlier rollout did not finish on {host}; it comes first"),
            Self::KeyGone(host) => {
                write!(f, "the key of {host}'s secrets is gone: what they were cannot be told, so all count as changed")
            }
            Self::FirstDeploy(service) => {
                write!(f, "{service} has nothing to go back to on some hosts: there, a failure removes it again")
            }
        }
    }
}
