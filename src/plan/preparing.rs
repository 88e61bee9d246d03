//! What hosts need before the first batch.

use std::collections::BTreeMap;

use crate::container::ContainerSpec;
use crate::delivery::FileSet;
use crate::engine::Provision;
use crate::environment::{MountSource, NetworkSpec, VolumeSpec};
use crate::fleet::observed::ObservedHost;
use crate::name::{HostName, ServiceName};
use crate::plan::incumbent::is_active;
use crate::plan::planner::{Planner, Wants};
use crate::plan::{Job, Plan, Preparation, Step, Target};

impl Planner<'_> {
    /// Images, networks and volumes that hosts lack, and ports that nobody of ours holds yet.
    pub(super) fn prepare(&self, plan: &mut Plan, wants: &Wants<'_>) {
        let mut preparations = BTreeMap::<HostName, Preparation>::new();
        for replacement in plan.replacements() {
            let Some(host) = self.observed.seen(&replacement.host) else { continue };
            let ports = replacement.target.ports();
            let is_free = ports.is_empty() || replacement.is_bystander();
            if !is_free && host.of_service(&replacement.service).all(|container| !is_active(container)) {
                let preparation = preparations.entry(replacement.host.clone()).or_default();
                for port in ports {
                    push_new(&mut preparation.free_ports, port);
                }
            }
            if let Some(seating) = &replacement.seating
                && !host.networks.contains(&seating.network)
                && let Some(network) = self.environment.networks.get(&seating.network)
            {
                let preparation = preparations.entry(replacement.host.clone()).or_default();
                push_new(&mut preparation.provisions, Provision::Network(network.clone()));
            }
            let Target::Create { spec, .. } = &replacement.target else {
                let is_switched = replacement.steps.iter().any(|step| matches!(step, Step::Switch(..)));
                let want = wants.get(&(replacement.host.clone(), replacement.service.clone()));
                if !is_switched {
                    continue;
                }
                let Some(spec) = want.and_then(|want| want.spec) else {
                    // An earlier release, whose files are where its container is.
                    let version = replacement.target.spec().version().map(str::to_owned).unwrap_or_default();
                    let places = replacement.target.live().into_iter().flat_map(|live| live.places.clone());
                    let versions = &mut preparations.entry(replacement.host.clone()).or_default().versions;
                    versions.extend(places.map(|place| (place, version.clone())));
                    continue;
                };
                let deliveries = &mut preparations.entry(replacement.host.clone()).or_default().deliveries;
                for set in FileSet::of(spec).into_iter().filter(|set| set.version.is_some()) {
                    push_new(deliveries, (replacement.service.clone(), set));
                }
                continue;
            };
            let preparation = preparations.entry(replacement.host.clone()).or_default();
            self.provide(preparation, host, &replacement.service, spec);
        }
        for job in plan.due_jobs().filter(|job| job.is_created()) {
            let Some(host) = self.observed.seen(&job.host) else { continue };
            self.provide(preparations.entry(job.host.clone()).or_default(), host, &job.service, &job.spec);
        }
        let creates = !plan.batches.is_empty() || plan.due_jobs().any(Job::is_created);
        if let (Some(key), true) = (&plan.key, creates) {
            for name in self.observed.hosts.keys().filter(|name| self.selection.has_host(name)) {
                let Some(host) = self.observed.seen(name) else { continue };
                if host.key.as_ref().is_none_or(|there| there.id() != *key) {
                    preparations.entry(name.clone()).or_default().key = true;
                }
            }
        }
        for (host, preparation) in &mut preparations {
            preparation.loads = self.observed.layers.loads(host, &preparation.pulls);
        }
        plan.preparations = preparations;
    }

    /// What a container needs on its host.
    fn provide(&self, preparation: &mut Preparation, host: &ObservedHost, service: &ServiceName, spec: &ContainerSpec) {
        push_new(&mut preparation.pulls, spec.image.clone());
        // Also where the place is there already: it may hold a part of them only.
        for set in FileSet::of(spec) {
            push_new(&mut preparation.deliveries, (service.clone(), set));
        }
        for network in &spec.runtime.networks {
            if !matches!(network.name.as_str(), "host" | "none") && !host.networks.contains(&network.name) {
                let spec = self.environment.networks.get(&network.name).cloned();
                let spec = spec.unwrap_or_else(|| NetworkSpec::plain(network.name.clone()));
                push_new(&mut preparation.provisions, Provision::Network(spec));
            }
        }
        for mount in &spec.runtime.volumes {
            if let MountSource::Volume(volume) = &mount.source
                && !host.volumes.contains(volume)
            {
                let spec = self.environment.volumes.get(volume).cloned();
                let spec = spec.unwrap_or_else(|| VolumeSpec::plain(volume.clone()));
                push_new(&mut preparation.provisions, Provision::Volume(spec));
            }
        }
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
