//! What hosts need before the first batch.

use std::collections::BTreeMap;

use crate::delivery::FileSet;
use crate::engine::Provision;
use crate::environment::{MountSource, NetworkSpec, VolumeSpec};
use crate::name::HostName;
use crate::plan::incumbent::is_active;
use crate::plan::planner::Planner;
use crate::plan::{Plan, Preparation, Target};

impl Planner<'_> {
    /// Images, networks and volumes that hosts lack, and ports that nobody of ours holds yet.
    pub(super) fn prepare(&self, plan: &mut Plan) {
        let mut preparations = BTreeMap::<HostName, Preparation>::new();
        for replacement in plan.replacements() {
            let Some(host) = self.observed.seen(&replacement.host) else { continue };
            let ports = replacement.target.ports();
            if !ports.is_empty() && host.of_service(&replacement.service).all(|container| !is_active(container)) {
                let preparation = preparations.entry(replacement.host.clone()).or_default();
                for port in ports {
                    push_new(&mut preparation.free_ports, port);
                }
            }
            let Target::Create { spec, .. } = &replacement.target else { continue };
            let preparation = preparations.entry(replacement.host.clone()).or_default();
            push_new(&mut preparation.pulls, spec.image.clone());
            // Also where the place is there already: it may hold a part of them only.
            for set in FileSet::of(spec) {
                push_new(&mut preparation.deliveries, (replacement.service.clone(), set));
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
        if let (Some(key), false) = (&plan.key, plan.batches.is_empty()) {
            for name in self.observed.hosts.keys().filter(|name| self.selection.has_host(name)) {
                let Some(host) = self.observed.seen(name) else { continue };
                if host.key.as_ref().is_none_or(|there| there.id() != *key) {
                    preparations.entry(name.clone()).or_default().key = true;
                }
            }
        }
        plan.preparations = preparations;
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
