//! `services:`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::declared::Declared;
use super::dependencies::{self, Dependency};
use super::ports::Published;
use super::update::Limits;
use super::{
    delivery, deploy, edge, error_rate, files, health, image, keys, limits, mounts, naming, networks, ports,
    privileges, queries, runtime, traffic, update, words,
};
use crate::delivery::Delivery;
use crate::environment::{Privileges, Replicas, Runtime, Service};
use crate::fleet::Host;
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::Entry;
use crate::manifest::source::Span;
use crate::name::{HostName, ServiceName};

/// From the stop signal to SIGKILL where the manifest is silent.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(10);

/// A service and the places that rules between services point at.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) service: Service,
    /// `build:`
    pub(super) build: Option<Span>,
    /// `configs:`, where some are baked into an image.
    pub(super) baked: Option<Span>,
    /// One for each of the service's ports.
    pub(super) ports: Vec<Published>,
    /// One for each of the service's constraints.
    pub(super) constraints: Vec<Span>,
    /// `deploy.update_config.order`
    pub(super) order: Option<Span>,
    /// What of `deploy.update_config` lets hosts run different releases for longer than a rollout takes.
    pub(super) alone: Option<Span>,
    /// One for each balancer of `traffic`.
    pub(super) balancers: Vec<Span>,
    /// `traffic.edge`
    pub(super) behind: Option<edge::Behind>,
    pub(super) profiles: Vec<String>,
    pub(super) depends_on: Vec<Dependency>,
    /// `deploy.replicas`, where the service is replicated.
    pub(super) replicas: Option<(Replicas, Span)>,
    /// What it is on hosts that it is written differently for.
    pub(super) variants: BTreeMap<HostName, Variant>,
}

/// A service on one host.
#[derive(Clone)]
pub(super) struct Variant {
    pub(super) service: Service,
    pub(super) ports: Vec<Published>,
}

impl Draft {
    /// Whether a host runs it.
    pub(super) fn admits(&self, host: &Host) -> bool {
        self.service.constraints.iter().all(|constraint| constraint.admits(host))
            && self.service.only.as_ref().is_none_or(|only| only.contains(&host.name))
    }

    /// What it is on a host.
    pub(super) fn on(&self, host: &HostName) -> (&Service, &[Published]) {
        match self.variants.get(host) {
            Some(variant) => (&variant.service, &variant.ports),
            None => (&self.service, &self.ports),
        }
    }

    /// What it is anywhere.
    pub(super) fn everywhere(&self) -> impl Iterator<Item = (&Service, &[Published])> {
        let variants = self.variants.values().map(|variant| (&variant.service, variant.ports.as_slice()));
        variants.chain([(&self.service, self.ports.as_slice())])
    }

    /// What the environment is to know of hosts that it is different on.
    pub(super) fn overrides(&self) -> impl Iterator<Item = ((HostName, ServiceName), Service)> {
        let name = &self.service.name;
        self.variants.iter().map(|(host, variant)| ((host.clone(), name.clone()), variant.service.clone()))
    }
}

/// All services, in the order of the manifest.
pub(super) fn decode(
    top: &mut Fields<'_>,
    project: &str,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> Vec<Draft> {
    let Some(entry) = top.entry("services") else {
        decoder.problem(top.at, "`services` is missing");
        return Vec::new();
    };
    let entries = decoder.map(&entry.value, entry.key);
    let (problems, mut names) = (decoder.count(), 0);
    let mut drafts = Vec::new();
    for (key, entry) in entries.named() {
        names += 1;
        let is_word = |text: &&str| text.contains(|c: char| c.is_ascii_alphabetic());
        if let Some(image) = entry.value.text().filter(is_word) {
            let message = format!("expected a map, found {}", entry.value.describe());
            let help = format!("did you mean `{key}: {{ image: {} }}`?", image.escape_debug());
            decoder.problem_with_help(entry.value.span, message, help);
            continue;
        }
        if let Some(name) = decoder.name(key, entry.key, "the name of a service") {
            drafts.push(service(name, entry, project, decoder, declared));
        }
    }
    if names == 0 && decoder.count() == problems {
        decoder.problem(entry.key, "`services` is empty");
    }
    drafts
}

/// Reads one service.
pub(super) fn service(
    name: ServiceName,
    entry: &Entry,
    project: &str,
    decoder: &mut Decoder<'_>,
    declared: &Declared<'_>,
) -> Draft {
    let mut map = decoder.map(&entry.value, entry.key);
    let fields = &mut map;
    let build = fields.entry("build");
    let (image, build_value) = image::decode(fields, &name, project, decoder, declared);
    let (ports, port_spans) = ports::decode(fields, decoder);
    let (volumes, mut targets) = mounts::decode(fields, decoder, declared);
    let networks = networks::decode(fields, decoder, declared);
    let configs = files::configs(fields, decoder, declared, &mut targets);
    let is_baked = configs.iter().any(|config| config.deliver == Delivery::Image);
    let baked = fields.entry("configs").filter(|_| is_baked).map(|entry| entry.key);
    let user = runtime::user(fields, decoder);
    let mut secrets = files::secrets(fields, decoder, declared, files::Owner::of(user.as_deref()), &mut targets);
    let (environment, variables) = runtime::environment(fields, decoder, declared);
    secrets.extend(variables);
    if let Some(entry) = fields.entry("configs") {
        delivery::check(&configs, entry.value.span, &targets, decoder);
    }
    let healthcheck = health::healthcheck(fields, decoder);
    let health = health::gate(fields, healthcheck.as_ref(), decoder);
    let (limits, device_requests) = limits::decode(fields, decoder);
    let mut deploy = deploy::decode(fields, decoder);
    deploy.update.queries = queries::decode(fields, &deploy.update, declared, decoder);
    let runtime = Runtime {
        command: fields.get("command").and_then(|node| decoder.command(node)),
        entrypoint: fields.get("entrypoint").and_then(|node| decoder.command(node)),
        environment,
        ports,
        volumes,
        networks,
        healthcheck,
        restart: runtime::restart(fields, deploy.restart, decoder),
        logging: runtime::logging(fields, decoder),
        labels: runtime::labels(fields, decoder),
        user,
        init: fields.get("init").and_then(|node| decoder.boolean(node)).unwrap_or(false),
        stop_signal: runtime::stop_signal(fields, decoder),
        stop_grace_period: fields
            .get("stop_grace_period")
            .and_then(|node| decoder.duration(node))
            .unwrap_or(STOP_GRACE),
        working_dir: runtime::working_dir(fields, decoder),
        tty: fields.get("tty").and_then(|node| decoder.boolean(node)).unwrap_or(false),
        stdin_open: fields.get("stdin_open").and_then(|node| decoder.boolean(node)).unwrap_or(false),
        expose: ports::expose(fields, decoder),
        privileges: Privileges { device_requests, ..privileges::decode(fields, decoder) },
        limits,
        naming: naming::decode(fields, decoder),
        annotations: words::pairs(fields, "annotations", decoder),
    };
    let (traffic, behind) = traffic::decode(fields, decoder);
    let drained = traffic.as_ref().map(|(traffic, _)| (traffic.drain, traffic.up_deadline));
    let drained = drained.or_else(|| behind.as_ref().map(|behind| (behind.route.drain, behind.route.up_deadline)));
    let switching = drained.map_or(Duration::ZERO, |(drain, up_deadline)| drain.deadline + up_deadline);
    let smoke: Duration = health.smoke.iter().map(|request| request.timeout).sum();
    let others = runtime.stop_grace_period + switching + smoke;
    let limits = Limits { healthy: health.healthy_deadline, others };
    deploy.update.progress_deadline = update::progress(deploy.progress, &limits, decoder);
    error_rate::check(fields, &deploy.update, traffic.as_ref().map(|(traffic, _)| traffic), decoder);
    if let Some(entry) = fields.entry("configs") {
        delivery::check_live(&configs, &runtime, &health, entry.value.span, decoder);
        if behind.is_some() && configs.iter().any(|config| config.deliver.is_live()) {
            let message =
                "behind the edge another container takes over without a failed request, and none is signalled";
            decoder.problem_with_help(entry.value.span, message, "write `on_change: replace`");
        }
    }
    let platform = image::platform(fields, decoder);
    image::pull_policy(fields, build.is_some(), decoder);
    let (profiles, depends_on) = (words::texts(fields, "profiles", decoder), dependencies::decode(fields, decoder));
    if let (Some(entry), true) = (fields.entry("read_only"), runtime.privileges.read_only)
        && (configs.iter().any(|config| config.deliver.is_default())
            || secrets.iter().any(|secret| secret.deliver.is_default()))
    {
        // Engines refuse to copy into one ("container rootfs is marked read-only").
        let help = "remove `read_only`, or give its configs `deliver: volume` or `deliver: image`, and its secrets \
                    `tmpfs: true`";
        decoder.problem_with_help(entry.key, "files cannot be delivered into a read-only container", help);
    }
    // Were read when the layers were put together.
    for read_before in ["extends", "env_file", "label_file"] {
        map.get(read_before);
    }
    map.finish_answered(decoder, keys::SERVICE, keys::SERVICE_ANSWERS);
    let service = Service {
        name,
        image,
        build: build_value,
        platform,
        health,
        constraints: deploy.constraints,
        only: None,
        instance: 1,
        instance_of: None,
        update: deploy.update,
        traffic: traffic.as_ref().map(|(traffic, _)| traffic.clone()),
        edge: None,
        configs,
        secrets,
        runtime,
    };
    let mut draft = Draft {
        service,
        build: build.map(|entry| entry.key),
        baked,
        ports: port_spans,
        constraints: deploy.constraint_spans,
        order: deploy.order,
        alone: deploy.alone,
        balancers: traffic.map(|(_, spans)| spans).unwrap_or_default(),
        behind,
        profiles,
        depends_on,
        replicas: deploy.replicas,
        variants: BTreeMap::new(),
    };
    edge::usual_order(&mut draft);
    draft
}
