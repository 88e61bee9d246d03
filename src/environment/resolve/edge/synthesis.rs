//! The edge as a service of the release: made of nothing but the manifest, so that planner, ledger, rollback and status
//! treat it as they treat the others. Its configuration may differ from host to host: it names what runs there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::hosts::Machine;
use super::super::service::{Draft, Variant};
use super::config::{ASK, ASK_LUA, FOLDER, HANDOVER, RUN, render};
use super::seats::seats;
use super::{Behind, Edge};
use crate::delivery::Delivery;
use crate::environment::edge::{self, EDGE, EdgeRoute};
use crate::environment::{
    Check, ConfigFile, ConfigSource, Expect, FileTarget, Health, Limits, Logging, Mount, MountOptions, MountSource,
    Naming, Network, Order, Privileges, RestartPolicy, Runtime, SecretFile, Service, UpdatePolicy,
};
use crate::manifest::decode::Decoder;
use crate::name::HostName;

/// Gives the services behind the edge their seats, and puts the edge before them. Returns the network and the volume that it
/// needs.
pub(in super::super) fn add(
    edge: Edge,
    mut drafts: Vec<Draft>,
    machines: &[Machine<'_>],
    decoder: &mut Decoder<'_>,
) -> (Vec<Draft>, Option<(crate::environment::NetworkSpec, crate::environment::VolumeSpec)>) {
    let mut taken = BTreeMap::new();
    for draft in &mut drafts {
        let Some(Behind { at, route }) = draft.behind.clone() else { continue };
        let name = draft.service.name.to_string();
        let backend = draft.service.instance_of.as_ref().unwrap_or(&draft.service.name).to_string();
        let seats = seats(edge.subnet, &name);
        for seat in &seats {
            if let Some(other) = taken.insert(seat.address, name.clone())
                && other != name
            {
                let message = format!("`{name}` and `{other}` would sit at one address behind the edge");
                decoder.problem_with_help(at, message, "give the edge another `subnet`: it spreads them anew");
                break;
            }
        }
        let route = EdgeRoute { network: edge.network.name.clone(), backend, seats, ..route };
        let variants = draft.variants.values_mut().map(|variant| &mut variant.service);
        variants.chain([&mut draft.service]).for_each(|service| service.edge = Some(route.clone()));
    }
    let hosts: BTreeSet<HostName> = machines
        .iter()
        .filter(|machine| drafts.iter().any(|draft| draft.behind.is_some() && draft.admits(&machine.host)))
        .map(|machine| machine.host.name.clone())
        .collect();
    let Some(first) = hosts.first() else { return (drafts, None) };
    let on = |name: &HostName| {
        let machine = machines.iter().find(|machine| machine.host.name == *name);
        let here = drafts.iter().filter(|draft| machine.is_some_and(|machine| draft.admits(&machine.host)));
        let services: Vec<_> = here
            .filter_map(|draft| {
                let (service, _) = draft.on(name);
                Some((service, service.edge.as_ref()?))
            })
            .collect();
        service(&edge, render(&edge, &services), hosts.clone())
    };
    let usual = on(first);
    let different = hosts.iter().map(|name| (name, on(name))).filter(|(_, service)| service.configs != usual.configs);
    let variants = different.map(|(name, service)| (name.clone(), Variant { service, ports: Vec::new() })).collect();
    let draft = Draft {
        build: None,
        baked: None,
        ports: Vec::new(),
        constraints: Vec::new(),
        order: None,
        alone: None,
        balancers: Vec::new(),
        behind: None,
        profiles: Vec::new(),
        depends_on: Vec::new(),
        replicas: None,
        variants,
        service: usual,
    };
    drafts.insert(0, draft);
    (drafts, Some((edge.network, edge.volume)))
}

fn service(edge: &Edge, text: String, hosts: BTreeSet<HostName>) -> Service {
    let file = |name: &str, mode| FileTarget { path: format!("{FOLDER}/{name}"), uid: 0, gid: 0, mode };
    let config = |name: &str, text: String| ConfigFile {
        source: format!("edge-{name}"),
        content: ConfigSource::Content(text),
        file: file(name, 0o444),
        deliver: Delivery::Container,
    };
    let certificate = |name: &crate::name::SecretName| SecretFile {
        source: name.clone(),
        file: file(&format!("certificates/{name}.pem"), 0o400),
        deliver: Delivery::Container,
    };
    Service {
        name: EDGE.parse().unwrap_or_else(|_| unreachable!("it is a name")),
        image: edge.image.clone(),
        build: None,
        platform: None,
        health: Health {
            check: Check::Exec { command: edge::ASK.map(str::to_owned).to_vec() },
            interval: Duration::from_millis(500),
            timeout: Duration::from_secs(10),
            min_healthy_time: Duration::from_secs(2),
            healthy_deadline: Duration::from_mins(1),
            successes: 1,
            expect: Expect::default(),
            smoke: Vec::new(),
        },
        constraints: Vec::new(),
        only: Some(hosts),
        instance: 1,
        instance_of: None,
        // Both share the listening sockets for a moment; the old one finishes what it is at.
        update: UpdatePolicy { order: Order::StartFirst, ..UpdatePolicy::usual() },
        traffic: None,
        edge: None,
        configs: vec![
            config("haproxy.cfg", text),
            config("ask.cfg", ASK.to_owned()),
            config("ask.lua", ASK_LUA.to_owned()),
        ],
        secrets: edge.certificates.iter().map(certificate).collect(),
        runtime: runtime(edge),
    }
}

fn runtime(edge: &Edge) -> Runtime {
    let handover = format!("{HANDOVER}/listeners.sock");
    let configuration = format!("{FOLDER}/haproxy.cfg");
    let master = format!("{RUN}/master.sock,mode,600,level,admin");
    let words = ["-W", "-db", "-S", &master, "-x", &handover, "-f", &configuration];
    let mount = |source, target: &str| Mount {
        source,
        target: target.to_owned(),
        read_only: false,
        options: MountOptions::default(),
    };
    let rotated = [("max-file", "3"), ("max-size", "10m")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    Runtime {
        command: Some(words.map(str::to_owned).to_vec()),
        entrypoint: Some(vec!["haproxy".to_owned()]),
        environment: BTreeMap::new(),
        ports: Vec::new(),
        volumes: vec![
            mount(MountSource::Volume(edge.volume.name.clone()), HANDOVER),
            mount(MountSource::Tmpfs { size: None, mode: None }, RUN),
        ],
        networks: vec![Network::plain("host".to_owned())],
        healthcheck: None,
        restart: RestartPolicy::Always,
        logging: Logging { driver: "json-file".to_owned(), options: BTreeMap::from(rotated) },
        labels: BTreeMap::new(),
        // To bind ports below 1024; HAProxy itself then runs as nobody in particular.
        user: Some("0:0".to_owned()),
        init: false,
        // Finish what is under way, take nothing new.
        stop_signal: Some("SIGUSR1".to_owned()),
        stop_grace_period: edge.grace,
        working_dir: None,
        tty: false,
        stdin_open: false,
        expose: Vec::new(),
        privileges: Privileges::default(),
        limits: Limits::default(),
        naming: Naming::default(),
        annotations: BTreeMap::new(),
    }
}
