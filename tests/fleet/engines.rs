//! Images that the builder sends, to the oldest engine and to the newest with both kinds of store, by SSH and by TCP.
//! What goes over the wire is counted by the hosts.

use std::fs;

use crate::support::images::publish_one;
use crate::support::{Fleet, Project, Refused, Run, Shape, root};

/// Bytes of the layers below the application's, which no packing makes fewer; and of the one that changes, which can be packed
/// to a half and no further.
const BASE: u64 = 12 << 20;
const TOP: u64 = 4 << 20;
/// All else that comes to a host meanwhile: questions to engines, files, the gate.
const TALK: u64 = 1 << 20;

const DOCKERFILE: &str = "FROM scratch
COPY base /base
COPY fixture-app /fixture-app
COPY top /top
ARG RELEASE=dev
ARG MODE=ok
ENV RELEASE=$RELEASE MODE=$MODE
EXPOSE 80
ENTRYPOINT [\"/fixture-app\"]
";

/// Bytes that look random, the same for the same seed.
fn noise(seed: u64, bytes: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(usize::try_from(bytes).expect("it fits")).collect()
}

/// A project without a registry, whose image is built of a large base and a small top.
struct Sending(Project);

impl Sending {
    fn new(fleet: &Fleet) -> Self {
        let project = Project::new(fleet);
        let ca = fleet.file("certs/ca.pem").display().to_string();
        let registry = format!(
            "registry:\n  host: {}\n  ca: {ca}\n  username: shipctl\n  password: {{ secret: registry_password }}\n",
            fleet.registry()
        );
        project.edit(&registry, "images: { transfer: direct }\n");
        project.edit("    image: shop/web:v1\n", "    image: shop/web:v1\n    build: { context: app, args: {} }\n");
        fs::create_dir(project.path("app")).expect("a directory");
        fs::copy(root().join("target/fixture/image/fixture-app"), project.path("app/fixture-app")).expect("a program");
        project.write("app/Dockerfile", DOCKERFILE);
        fs::write(project.path("app/base"), noise(1, BASE)).expect("a file");
        Self(project)
    }

    /// Makes it another release, of another top.
    fn release(&self, number: u64, mode: &str) {
        let top: Vec<_> = noise(100 + number, TOP).into_iter().map(|byte| b'a' + byte % 16).collect();
        fs::write(self.0.path("app/top"), top).expect("a file");
        self.0.tag(&format!("v{number}"));
        let manifest = fs::read_to_string(self.0.path("environments/prod.yml")).expect("a manifest");
        let line = manifest.lines().find(|line| line.contains("context: app")).expect("a build").to_owned();
        self.0.edit(&line, &format!("    build: {{ context: app, args: {{ RELEASE: v{number}, MODE: {mode} }} }}"));
    }
}

/// What each host was sent, by the events: layers, of how many, and bytes.
fn sent(run: &Run) -> Vec<(String, u64, u64, u64)> {
    let number = |event: &serde_json::Value, key: &str| event[key].as_u64().expect("a number");
    let mut sent: Vec<_> = run
        .events("sent")
        .into_iter()
        .map(|event| {
            let host = event["host"].as_str().expect("a host").to_owned();
            (host, number(event, "layers"), number(event, "of"), number(event, "bytes"))
        })
        .collect();
    sent.sort();
    sent
}

/// The same without the bytes.
fn layers(run: &Run) -> Vec<(String, u64, u64)> {
    sent(run).into_iter().map(|(host, layers, of, _)| (host, layers, of)).collect()
}

fn owned((host, layers, of): (&str, u64, u64)) -> (String, u64, u64) {
    (host.to_owned(), layers, of)
}

/// Bytes that have come to each host over its cable.
fn received(fleet: &Fleet) -> Vec<u64> {
    let one = |host: &str| {
        let counters = fleet.script(&["exec", host, "cat", "/proc/net/dev"]);
        let line = counters.lines().find_map(|line| line.trim().strip_prefix("eth0:")).expect("a cable").to_owned();
        line.split_whitespace().next().and_then(|bytes| bytes.parse().ok()).expect("a number")
    };
    ["h1", "h2", "h3"].map(one).to_vec()
}

fn grown(before: &[u64], after: &[u64]) -> Vec<u64> {
    before.iter().zip(after).map(|(before, after)| after - before).collect()
}

#[test]
fn hosts_are_sent_the_layers_that_they_lack_and_no_registry_is_needed() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    fleet.script(&["registry", "stop"]);
    project.release(1, "ok");
    let run = project.0.deploy(0);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    fleet.assert_true(&run);
    for (host, layers, of, bytes) in sent(&run) {
        assert!(layers == 3 && of == 3 && bytes > BASE + TOP / 2, "{host}: {layers} of {of}, {bytes} bytes");
    }

    project.release(2, "ok");
    let plan = project.0.said(&["plan", "prod"]);
    let said = plan.lines().filter(|line| line.contains(": 1 of 3 layers (about 4.")).count();
    assert_eq!(said, 3, "{plan}");
    let before = received(&fleet);
    let run = project.0.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    assert_eq!(layers(&run), [("h1", 1, 3), ("h2", 1, 3), ("h3", 1, 3)].map(owned), "{run}");
    for ((host, .., bytes), came) in sent(&run).into_iter().zip(grown(&before, &received(&fleet))) {
        assert!((TOP / 2..TOP * 5 / 8).contains(&bytes), "{host} was sent {bytes} bytes\n{run}");
        assert!((bytes..bytes + TALK).contains(&came), "{came} bytes came to {host}\n{run}");
    }

    let before = received(&fleet);
    let run = project.0.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    assert_eq!(sent(&run), []);
    assert!(grown(&before, &received(&fleet)).iter().all(|came| *came < TALK), "{run}");
}

#[test]
fn the_gate_and_the_way_back_work_on_every_engine() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    project.release(1, "ok");
    project.0.install();
    project.release(2, "never-healthy");
    let all = ["deploy", "prod", "--yes", "--set", "services.web.deploy.update_config.parallelism=100%"];
    let run = project.0.run(&all).expect(3);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    fleet.assert_true(&run);
}

/// Ahead of a deploy, which then sends nothing.
#[test]
fn what_was_made_present_before_is_not_sent_again() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    project.release(1, "ok");
    let run = project.0.run(&["pull", "prod"]).expect(0);
    assert_eq!(fleet.releases(), ["-"; 3], "{run}");
    assert_eq!(layers(&run), [("h1", 3, 3), ("h2", 3, 3), ("h3", 3, 3)].map(owned), "{run}");
    let run = project.0.deploy(0);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    assert_eq!(layers(&run), [("h1", 0, 3), ("h2", 0, 3), ("h3", 0, 3)].map(owned), "{run}");
}

/// What has gone out is not at the host yet: buffers on the way hold a few megabytes.
#[test]
fn a_connection_that_is_lost_in_the_middle_changes_nothing_and_the_next_deploy_sends_what_is_missing() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    project.release(1, "ok");
    project.0.install();
    project.release(2, "ok");
    fs::write(project.0.path("app/top"), noise(2, 2 * BASE)).expect("a file");
    fleet.script(&["slow", "h1", "20mbit"]);
    let before = received(&fleet);
    let mut running = project.0.start(&["deploy", "prod", "--yes"]);
    running.wait_for("sending", |event| event["host"] == "h1" && event["done"].as_u64() > Some(BASE));
    fleet.script(&["cut", "h1"]);
    let came = grown(&before, &received(&fleet))[0];
    let run = running.end().expect(1);
    assert!((TOP..2 * BASE).contains(&came), "{came} bytes had come\n{run}");
    assert!(run.events("sent").iter().all(|event| event["host"] != "h1"), "{run}");
    let failure = run.failure();
    assert!(
        failure["host"] == "h1" && failure["doing"].as_str().is_some_and(|doing| doing.starts_with("send ")),
        "{run}"
    );
    assert!(
        failure["reason"].as_str().is_some_and(|why| why.contains(" of 25.") && why.contains("had gone out")),
        "{run}"
    );
    fleet.script(&["slow", "h1", "off"]);
    fleet.script(&["heal", "h1"]);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    let run = project.0.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    assert_eq!(layers(&run), [("h1", 1, 3), ("h2", 0, 3), ("h3", 0, 3)].map(owned), "{run}");
    fleet.assert_true(&run);
}

/// A layer that came from a registry is packed in a way of its own in the containerd store, so it is of no use for an image
/// that is sent. Under one of our names it seems to be.
#[test]
fn an_engine_that_lacks_more_than_it_seems_to_is_sent_the_whole() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    project.release(1, "ok");
    project.0.edit("  h1: { ssh: deploy@h1 }\n  h2: { ssh: deploy@h2 }\n", "");
    let pushed = format!("{}/shop/base:1", fleet.registry());
    project.0.run(&["plan", "prod"]).expect(0);
    fleet.script(&["docker", "builder", "tag", "shop/web:v1", &pushed]);
    fleet.script(&["docker", "builder", "push", "-q", &pushed]);
    fleet.script(&["docker", "h3", "pull", "-q", &pushed]);
    fleet.script(&["docker", "h3", "tag", &pushed, "shipctl/shop/base:1"]);
    let run = project.0.deploy(0);
    assert_eq!(fleet.releases(), ["-", "-", "v1"], "{run}");
    let [event] = run.events("sent")[..] else { panic!("{run}") };
    assert!(event["refused"].is_string(), "{run}");
    assert_eq!((event["layers"].as_u64(), event["of"].as_u64()), (Some(3), Some(3)), "{run}");
}

/// Newer engines save images in another form, and with the containerd store as they were packed.
#[test]
fn every_engine_can_be_the_builder() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Sending::new(&fleet);
    let mut builder = "builder";
    for (number, next) in [(1, "h2"), (2, "h3")] {
        let socket = |name: &str| format!("{}\"", fleet.file(&format!("{name}/docker.sock")).display());
        project.0.edit(&socket(builder), &socket(next));
        builder = next;
        project.release(number, "ok");
        let run = project.0.deploy(0);
        let release = format!("v{number}");
        assert_eq!(fleet.releases(), [&*release; 3], "{run}");
        let none: Vec<_> =
            sent(&run).into_iter().filter(|(_, layers, ..)| *layers == 0).map(|(host, ..)| host).collect();
        assert_eq!(none, [builder], "who builds has it: {run}");
    }
}

#[test]
fn images_of_a_registry_come_by_the_builder() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Project::new(&fleet);
    project.edit("registry:\n", "images: { transfer: direct }\nregistry:\n");
    let log = || fs::read_to_string(fleet.file("registry/log")).expect("the registry's log");
    let before = log().len();
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    for host in fleet.hosts() {
        assert!(host.only().image().starts_with("shipctl/shop/web:"), "{run}");
    }
    let asked = log().split_off(before);
    let hosts: Vec<_> = fleet.hosts().into_iter().filter(|host| asked.contains(&host.address)).collect();
    assert!(asked.contains("shop/web") && hosts.is_empty(), "a host has asked the registry:\n{asked}");
}

/// Between stores of both kinds, by SSH and by TCP.
#[test]
fn a_host_gets_an_image_from_one_whose_engine_keeps_it_otherwise() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Project::new(&fleet);
    project.install();
    // What was had that way is removed like what was pulled, once no release needs it.
    project.edit("services:\n", "keep_releases: 1\nprune: { grace: 0s }\nservices:\n");
    let passed_on = |host: &str| {
        let images = fleet.script(&["docker", host, "images", "--format", "{{.Repository}}:{{.Tag}}"]);
        images.lines().filter(|name| name.starts_with("shipctl/shop/web:sha256-")).count()
    };
    let mut refused = Vec::from(["h2", "h3"].map(|host| Refused::new(&fleet, host)));
    project.tag("v2");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    fleet.assert_true(&run);
    assert_eq!(from(&run), [("h2", "h1"), ("h3", "h1")].map(|(to, from)| (to.to_owned(), from.to_owned())), "{run}");
    assert_eq!(["h1", "h2", "h3"].map(passed_on), [0, 1, 1]);
    // The other way round.
    refused.pop();
    refused.push(Refused::new(&fleet, "h1"));
    project.tag("v3");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v3"; 3], "{run}");
    assert_eq!(from(&run), [("h1", "h3"), ("h2", "h3")].map(|(to, from)| (to.to_owned(), from.to_owned())), "{run}");
    drop(refused);
    project.tag("v1");
    project.deploy(0);
    project.run(&["prune", "prod"]).expect(0);
    assert_eq!(["h1", "h2", "h3"].map(passed_on), [1, 1, 0], "v3's, which is the release before, and no other");

    // One that has it, and cannot give it, keeps no other from it.
    publish_one(&fleet.registry(), "v9", |arguments| fleet.script(arguments));
    project.tag("v9");
    project.run(&["pull", "prod", "--host", "h1,h3"]).expect(0);
    let layers = "/var/lib/docker/image/overlay2/layerdb/sha256";
    fleet.script(&["exec", "h1", "find", layers, "-name", "tar-split.json.gz", "-delete"]);
    let refused = Refused::new(&fleet, "h2");
    let run = project.deploy(0);
    drop(refused);
    assert_eq!(fleet.releases(), ["v9"; 3], "{run}");
    assert_eq!(from(&run), [("h2".to_owned(), "h3".to_owned())], "{run}");
    fleet.end();
}

/// Who was sent an image by whom.
fn from(run: &Run) -> Vec<(String, String)> {
    let sent = run.events("sent");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let mut sent: Vec<_> = sent.iter().map(|event| (text(&event["host"]), text(&event["from"]))).collect();
    sent.sort();
    sent
}
