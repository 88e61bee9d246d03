//! What hosts need before the first batch.

use std::collections::BTreeMap;

use crate::engine::Provision;
use crate::environment::{MountSource, NetworkSpec, Port, Protocol, VolumeSpec};
use crate::name::HostName;
use crate::plan::incumbent::is_active;
use crate::plan::planner::Planner;
use crate::plan::{Plan, Preparation, Target};

impl Planner<'_> {
    /// Images, networks and volumes that hosts lack, and ports that nobody of ours holds yet.
    pub(super) fn prepare(&self, plan: &mut Plan) {
        let mut preparations = BTreeMap::<HostName, Preparation>::new();
        for replacement in plan.replacements() {
            let Target::Create { spec, .. } = &replacement.target else { continue };
            let Some(host) = self.observed.seen(&replacement.host) else { continue };
            let preparation = preparations.entry(replacement.host.clone()).or_default();
            push_new(&mut preparation.pulls, spec.image.clone());
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
            if host.of_service(&replacement.service).all(|container| !is_active(container)) {
                let ports = spec.runtime.ports.iter().filter_map(tcp_port);
                ports.for_each(|port| push_new(&mut preparation.free_ports, port));
            }
        }
        plan.preparations = preparations;
    }
}

/// The port of the host that must be free. Only of TCP can that be seen beforehand.
pub(super) fn tcp_port(port: &Port) -> Option<u16> {
    port.host_port.filter(|_| port.protocol == Protocol::Tcp)
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
