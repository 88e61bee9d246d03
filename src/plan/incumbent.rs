//! What a host runs of a service now, what it would go back to, and what stands in the way.

use crate::container::SpecDigest;
use crate::fleet::observed::{ObservedContainer, ObservedHost, Phase};
use crate::name::ServiceName;

/// The containers of one service on one host, by their part in a replacement.
#[derive(Debug, Default)]
pub(super) struct Cast<'a> {
    /// The one container with the wanted spec, or one that can be switched to it.
    pub(super) wanted: Option<&'a ObservedContainer>,
    /// What the host goes back to: the proven container that runs, or else the one that ran last.
    pub(super) before: Option<&'a ObservedContainer>,
    /// Everything of the service that must not run beside the wanted one.
    pub(super) active: Vec<&'a ObservedContainer>,
    /// Proven containers that do not run, the one that ran last first.
    pub(super) kept: Vec<&'a ObservedContainer>,
    /// Containers that do not run, and never proved themselves or cannot be started any more.
    pub(super) left: Vec<&'a ObservedContainer>,
}

impl<'a> Cast<'a> {
    /// The wanted container, if nothing is left to be done.
    pub(super) fn in_place(&self, wanted: &SpecDigest) -> Option<&'a ObservedContainer> {
        let is_wanted = |one: &&ObservedContainer| one.settled() && one.stamp.spec == *wanted;
        self.wanted.filter(|_| self.active.is_empty()).filter(is_wanted)
    }
}

/// Casts the containers of `service` on `host`.
pub(super) fn cast<'a>(host: &'a ObservedHost, service: &'a ServiceName, wanted: &SpecDigest) -> Cast<'a> {
    // A create whose answer was lost and that took hold late may have left a second container of the same spec.
    let of_spec = host.of_service(service).filter(|container| container.stamp.spec.same_container(wanted));
    let best = of_spec.max_by_key(|container| (is_active(container), container.was_proven()));
    let mut cast = Cast { wanted: best, ..Cast::default() };
    for container in host.of_service(service) {
        if best.is_some_and(|best| best.id == container.id) {
            continue;
        }
        if is_active(container) {
            cast.active.push(container);
        } else if container.was_proven() && !container.emptied {
            cast.kept.push(container);
        } else {
            cast.left.push(container);
        }
    }
    // The host's own clock orders the ends of its containers; ids break ties, so that the plan stays the same.
    cast.kept.sort_by(|a, b| b.state.finished_at.cmp(&a.state.finished_at).then_with(|| a.id.cmp(&b.id)));
    let running = cast.active.iter().copied().find(|container| container.proven);
    cast.before = running.or_else(|| cast.kept.first().copied());
    cast
}

/// Whether the container holds ports or may answer requests now or in a moment.
pub(crate) fn is_active(container: &ObservedContainer) -> bool {
    matches!(container.state.phase, Phase::Running | Phase::Restarting | Phase::Paused)
}
