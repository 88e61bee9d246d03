//! What the operator should know about a plan. Data; the words are made in `plan::display`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::environment::Route;
use crate::name::{HostName, JobName, ServiceName};
use crate::release::ReleaseId;

/// Something about the plan or the fleet that changes nothing in the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A container of ours whose service the release does not have on this host. It is left alone.
    Orphan {
        /// Where it is.
        host: HostName,
        /// Its name.
        container: String,
    },
    /// The service is out of service on these hosts, which the plan does not touch: they count as out of service.
    OutAlready(ServiceName, Vec<HostName>),
    /// The container is only watched for running: the manifest says `health: none`.
    NoHealth(ServiceName),
    /// The release comes to these hosts; others wait until they are promoted.
    Canary {
        /// Which release.
        release: ReleaseId,
        /// The canary.
        hosts: Vec<HostName>,
        /// Those that wait.
        held: Vec<HostName>,
    },
    /// When these hosts are watched, no server of the old release is left that their errors could be compared with.
    NotCompared(ServiceName, Vec<HostName>),
    /// Hosts of the environment that were not selected and run something else than the release.
    NotSelected(HostName),
    /// An earlier rollout did not finish on this host; it is healed first.
    Unfinished(HostName),
    /// Somebody has put the server into maintenance. It stays there, so the host gets no requests.
    Maintenance(Route),
    /// The balancer may send the server's requests to something else than the service on the host.
    Elsewhere {
        /// Which server.
        route: Route,
        /// Where the balancer sends them.
        to: String,
        /// The host that the server is.
        host: HostName,
    },
    /// The balancer does not check the server: it gets requests whether it answers or not.
    Unchecked(Route),
    /// The balancer can be told, and cannot be asked.
    Unread(Route),
    /// While the host is in hand the balancer keeps requests waiting, which fail when that takes longer.
    Waits {
        /// Which server.
        route: Route,
        /// For so long.
        #[serde(with = "crate::duration::text")]
        at_most: Duration,
    },
    /// Clients that the balancer knows by a cookie are sent to the server also while it is drained.
    Sticky(Route),
    /// The balancer closes idle connections of clients whenever it is told something.
    Closes(Route),
    /// Neither its balancers nor the host tell how many requests or connections are open to it.
    Uncounted {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// An operator asked for what is so anyway.
    Already {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// Whether it runs.
        runs: bool,
    },
    /// An operator has stopped or removed it, and this brings it back.
    Stopped {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// `user@machine`.
        by: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// The host runs something else than the release in force for a reason that somebody gave, and this ends it.
    Deviation {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// `user@machine`.
        by: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// An operator has drained it by hand, and it stays drained.
    Held {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
        /// `user@machine`.
        by: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// An operator asked for a service to be drained or admitted that nothing sends requests by which could be told.
    Untold {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// It gets requests already.
    Serves {
        /// Where.
        host: HostName,
        /// Which service.
        service: ServiceName,
    },
    /// Containers that are not of this environment are on the host, and are rebooted with it.
    Bystanders {
        /// Where.
        host: HostName,
        /// Their names, as far as they publish ports.
        containers: Vec<String>,
    },
    /// The edge carries what others serve, and is restarted only where it is named.
    EdgeLeft,
    /// No more hosts of the service at a time than this, although more were asked for.
    AtMost(ServiceName, usize),
    /// The balancer cannot be asked, and is not waited for.
    NotDrained(Route),
    /// The host cannot go back to this release any more.
    WayBack {
        /// Where.
        host: HostName,
        /// Which release.
        release: ReleaseId,
    },
    /// It waits for a rollout of the whole release.
    JobNotRun(JobName),
    /// A job of a later release has run, and going back does not undo it.
    JobNotUndone {
        /// Which.
        job: JobName,
        /// Number of the release that it ran for.
        release: u64,
    },
    /// Nothing to go back to: a failure means that the service is removed again.
    FirstDeploy(ServiceName),
    /// What the host runs was fingerprinted with a key that is not there any more, so its secrets cannot be compared.
    KeyGone(HostName),
    /// The manifest no longer has a store that the release in force has published to. What is there stays.
    StoreGone {
        /// Its name.
        store: String,
        /// The release in force.
        release: ReleaseId,
    },
}
