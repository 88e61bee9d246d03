//! Facts and what is made of them, as text.

use insta::assert_snapshot;

use super::*;

fn engine() -> EngineFacts {
    let text =
        |words: &[(&str, &str)]| words.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect();
    EngineFacts {
        version: "29.1.0".to_owned(),
        components: text(&[("containerd", "2.2.0"), ("runc", "1.3.3")]),
        storage: "overlay2".to_owned(),
        storage_details: text(&[("Backing Filesystem", "extfs"), ("Supports d_type", "true")]),
        root: "/var/lib/docker".to_owned(),
        log_driver: "json-file".to_owned(),
        restores: true,
        mirrors: vec!["https://mirror.internal".to_owned()],
        warnings: Vec::new(),
        clock: Some(Skew { ahead: 120, unsure: 40 }),
    }
}

const GIB: u64 = 1024 * 1024 * 1024;

/// A host about which there is nothing to say.
fn sound() -> Facts {
    Facts {
        engine: engine(),
        settings: Content::Text("{\"log-opts\": {\"max-size\": \"10m\"}}".to_owned()),
        is_asked: true,
        disk: Some(Disk { size: 100 * GIB, free: 60 * GIB, files: Some((1000, 900)) }),
        listeners: Some([22, 8080].into()),
        wanted: [8080, 8081].into(),
        ours: [8080].into(),
        foreign: BTreeMap::new(),
        mirrors: vec!["https://mirror.internal".to_owned()],
        registries: [("registry:5000".to_owned(), Ok(()))].into(),
    }
}

/// The findings, a line each and one for what is to be done.
fn told(facts: &Facts) -> String {
    let told = |Finding { question, state, short, found, advice }: Finding| {
        let found = found.map(|found| format!("  {found}"));
        let advice = advice.map(|advice| format!("  do: {advice}"));
        [Some(format!("{question:?} {state:?}: {short}")), found, advice]
    };
    examine(facts).into_iter().flat_map(told).flatten().collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sound_host_has_a_word_for_each_question() {
    assert_snapshot!(told(&sound()), @r"
    Engine Ok: 29.1.0
    Storage Ok: overlay2
    Disk Ok: 60 % free
    Clock Ok: +0.1 s
    Ports Ok: free
    Registry Ok: answers
    Logs Ok: 10m each
    LiveRestore Ok: on
    Flaws Ok: none known
    Warnings Ok: none
    ");
}

#[test]
fn each_thing_that_is_wrong_is_told_with_what_to_do() {
    let facts = Facts {
        engine: EngineFacts {
            version: "20.10.24+dfsg1".to_owned(),
            components: [("containerd", "1.6.20~ds1"), ("runc", "1.1.5+ds1")]
                .map(|(name, version)| (name.to_owned(), version.to_owned()))
                .into(),
            storage: "devicemapper".to_owned(),
            restores: false,
            warnings: vec!["WARNING: No swap limit support".to_owned()],
            clock: Some(Skew { ahead: -75_250, unsure: 300 }),
            ..engine()
        },
        settings: Content::Absent,
        disk: Some(Disk { size: 100 * GIB, free: GIB / 10, files: Some((1000, 900)) }),
        listeners: Some([22, 8080, 8081].into()),
        ours: BTreeSet::new(),
        foreign: [(8080, "nginx".to_owned())].into(),
        registries: [("registry:5000".to_owned(), Err("connection refused".to_owned()))].into(),
        ..sound()
    };
    assert_snapshot!(told(&facts), @r#"
    Engine Ok: 20.10.24+dfsg1
    Storage Bad: devicemapper
      the storage driver devicemapper is gone from newer engines
      do: images and containers do not move with it: give the host the driver overlay2, and deploy anew
    Disk Bad: 0 % free
      102 MiB of 102400 MiB are free for /var/lib/docker: an image may not fit
      do: on the host: docker system df, and what is old there: docker image prune -a
    Clock Bad: -75.2 s
      its clock is 75 s behind the one here, give or take 300 ms
      do: on the host: timedatectl set-ntp true (or install chrony); look at the clock here too: shipctl doctor
    Ports Bad: 8080
      port 8080 is held by the container nginx, which is none of this environment
      do: stop what holds it, or publish another port in the manifest
    Ports Bad: 8081
      something that is no container listens at port 8081
      do: stop what holds it, or publish another port in the manifest
    Registry Bad: no answer
      its engine gets no answer of registry:5000: connection refused
      do: see that the name resolves there, that no firewall is in between, and that the engine trusts its certificate (shipctl host setup ENV)
    Logs Warning: no bound
      logs of containers that are not shipctl's grow without end, unless dockerd was started with a bound
      do: shipctl host setup ENV, or `log-opts` in daemon.json
    LiveRestore Warning: off
      containers end when the engine is restarted or upgraded (live-restore is off)
      do: shipctl host setup ENV, or `"live-restore": true` in daemon.json
    Flaws Warning: 5
      runc 1.1.5+ds1 has CVE-2024-21626: a container can get at the host's files; mended in 1.1.12
      do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    Flaws Warning: 5
      runc 1.1.5+ds1 has CVE-2025-31133, -52565 and -52881: a container can write to the host's kernel; mended in 1.2.8, 1.3.3, 1.4.0-rc.3
      do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    Flaws Warning: 5
      containerd 1.6.20~ds1 has CVE-2024-25621: users of the host can read what only root should; mended in 1.7.29, 2.0.7, 2.1.5, 2.2.0
      do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    Flaws Warning: 5
      the engine 20.10.24+dfsg1 has CVE-2024-41110: authorisation plugins, where there are any, can be passed by; mended in 23.0.15, 25.0.6, 26.1.5, 27.1.1
      do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    Flaws Warning: 5
      the engine 20.10.24+dfsg1 has CVE-2024-23651, -23652 and -23653: what is built there can get at the host; mended in 24.0.9, 25.0.2
      do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    Warnings Warning: 1
      No swap limit support
    "#);
}

#[test]
fn of_a_bare_endpoint_less_is_known_and_that_is_said() {
    let facts = Facts { is_asked: false, settings: Content::Absent, disk: None, listeners: None, ..sound() };
    assert_snapshot!(told(&facts), @r"
    Engine Ok: 29.1.0
    Storage Ok: overlay2
    Disk NotKnown: ?
      an engine does not tell what is free
    Clock Ok: +0.1 s
    Ports NotKnown: ?
      no container has port 8081; whether something else has cannot be seen
    Registry Ok: answers
    Logs NotKnown: ?
      an engine does not tell how its logs are bounded
    LiveRestore Ok: on
    Flaws Ok: none known
    Warnings Ok: none
    ");
}

#[test]
fn bounds_are_where_they_are_said_to_be() {
    let state = |question: Question, facts: &Facts| {
        let all = examine(facts).into_iter().filter(|finding| finding.question == question);
        all.map(|finding| finding.state).max().expect("a finding")
    };
    let disk = |free: u64, files: u64| {
        let disk = Some(Disk { size: 100 * GIB, free, files: Some((1000, files)) });
        state(Question::Disk, &Facts { disk, ..sound() })
    };
    assert_eq!((disk(10 * GIB, 100), disk(10 * GIB - 1, 100)), (State::Ok, State::Warning));
    assert_eq!((disk(2 * GIB, 100), disk(2 * GIB - 1, 100)), (State::Warning, State::Bad));
    assert_eq!((disk(50 * GIB, 99), disk(50 * GIB, 9)), (State::Warning, State::Bad));
    let clock = |ahead: i64, unsure: i64| {
        let engine = EngineFacts { clock: Some(Skew { ahead, unsure }), ..engine() };
        state(Question::Clock, &Facts { engine, ..sound() })
    };
    assert_eq!((clock(1999, 0), clock(-2000, 0), clock(2500, 600)), (State::Ok, State::Warning, State::Ok));
    assert_eq!((clock(59_999, 0), clock(60_500, 400)), (State::Warning, State::Bad));
    let settings = |text: &str| state(Question::Logs, &Facts { settings: Content::Text(text.to_owned()), ..sound() });
    assert_eq!((settings("{}"), settings("{")), (State::Warning, State::Bad));
    assert_eq!(state(Question::Logs, &Facts { settings: Content::Unreadable, ..sound() }), State::NotKnown);
}

#[test]
fn the_way_there_and_back_is_no_skew() {
    let at = |millis: i64| Timestamp::from_millisecond(millis).expect("a time");
    assert_eq!(Skew::of(at(1000), at(1400), at(1800)), Skew { ahead: 0, unsure: 400 });
    assert_eq!(Skew::of(at(1000), at(8000), at(1200)), Skew { ahead: 6900, unsure: 100 });
}

#[test]
fn an_engine_without_a_mirror_of_the_manifest_is_told_of() {
    let docker_hub: BTreeMap<_, _> = [("docker.io".to_owned(), Err("connection refused".to_owned()))].into();
    let facts = Facts { mirrors: vec!["https://other.internal:5000".to_owned()], registries: docker_hub, ..sound() };
    let about = |facts: &Facts| {
        let told = told(facts);
        let from = told.find("Registry").unwrap();
        told[from..told.find("Logs").unwrap()].to_owned()
    };
    assert_snapshot!(about(&facts), @r"
    Registry Bad: no answer
      its engine gets no answer of docker.io, nor of its mirrors: connection refused
      do: see that the name resolves there, that no firewall is in between, and that the engine trusts its certificate (shipctl host setup ENV)
    Registry Warning: no mirror
      its engine does not ask https://other.internal:5000 for what is Docker Hub's
      do: shipctl host setup ENV, or add it where the engine is told of its mirrors
    ");
    let facts = Facts { engine: EngineFacts { mirrors: Vec::new(), ..engine() }, mirrors: Vec::new(), ..facts };
    assert_snapshot!(about(&facts), @r"
    Registry Bad: no answer
      its engine gets no answer of docker.io: connection refused
      do: see that the name resolves there, that no firewall is in between, and that the engine trusts its certificate (shipctl host setup ENV)
    ");
}
