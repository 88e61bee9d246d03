//! What people read, as text.

use insta::assert_snapshot;

use super::*;
use crate::fleet::checkup::{EngineFacts, Facts, Finding, Skew, examine, silent};
use crate::fleet::machine::Disk;
use crate::fleet::setup::{Item, Stands, Step, Task};
use crate::report::Answer;

fn shown(answer: &dyn Answer) -> String {
    anstream::adapter::strip_str(&answer.text()).to_string()
}

fn findings() -> Vec<Finding> {
    let engine = EngineFacts {
        version: "29.1.0".to_owned(),
        components: [("containerd", "2.2.0"), ("runc", "1.3.2")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        storage: "overlay2".to_owned(),
        root: "/var/lib/docker".to_owned(),
        log_driver: "local".to_owned(),
        restores: true,
        clock: Some(Skew { ahead: -40, unsure: 40 }),
        ..EngineFacts::default()
    };
    let disk = Some(Disk { size: 1 << 36, free: 1 << 28, files: None });
    examine(&Facts { engine, disk, is_asked: true, wanted: [80].into(), ..Facts::default() })
}

#[test]
fn a_row_for_each_host_and_under_it_what_to_do() {
    let hosts = vec![
        ("web1".parse().unwrap(), findings()),
        (
            "web2".parse().unwrap(),
            silent("ssh web2: no engine answers: docker: not found\\u{1b}[2J\nsudo apt-get install docker.io"),
        ),
    ];
    let answer = CheckAnswer { hosts };
    assert!(!answer.is_fit());
    assert_snapshot!(shown(&answer), @r"
    HOST  ENGINE          STORAGE   DISK           CLOCK   PORTS  REGISTRY  LOGS   LIVE-RESTORE  FLAWS  WARNINGS
    web1  29.1.0          overlay2  0 % free (!!)  +0.0 s  ?      none      local  on            1 (!)  none
    web2  no answer (!!)  -         -              -       -      -         -      -             -      -

    bad   web1: 256 MiB of 65536 MiB are free for /var/lib/docker: an image may not fit
          do: on the host: docker system df, and what is old there: docker image prune -a
    ?     web1: no container has port 80; whether something else has cannot be seen
    warn  web1: runc 1.3.2 has CVE-2025-31133, -52565 and -52881: a container can write to the host's kernel; mended in 1.2.8, 1.3.3, 1.4.0-rc.3
          do: upgrade it, unless your distribution has mended it: Debian and Ubuntu do so without another upstream version
    bad   web2: ssh web2: no engine answers: docker: not found\u{1b}[2J
          do: sudo apt-get install docker.io
    2 things will not work as it is.
    ");
}

#[test]
fn a_plan_says_what_it_will_do_and_an_answer_what_was_not_done() {
    let item = |task: Task, stands: Stands| Item { task, stands };
    let adds = ["rotated logs", "the mirror https://mirror.internal"].map(str::to_owned).into();
    let settings = Step::Settings { before: Some(String::new()), text: String::new(), adds };
    let items = vec![
        item(Task::Settings, Stands::Will(settings)),
        item(Task::Authority("registry:5000".to_owned()), Stands::Already),
        item(Task::Engine, Stands::Will(Step::Install(vec!["docker.io"]))),
        item(Task::Running, Stands::Left("start the engine")),
    ];
    let one = |host: &str, items: &[Item], error: Option<&str>| Prepared {
        host: host.parse().unwrap(),
        items: items.to_vec(),
        error: error.map(str::to_owned),
        findings: Vec::new(),
    };
    let plan = SetupAnswer { hosts: vec![one("web1", &items, None)], is_plan: true };
    assert!(plan.is_well());
    assert_snapshot!(shown(&plan), @r"
    web1
      settings of the engine (/etc/docker/daemon.json): will add rotated logs and the mirror https://mirror.internal to them
      authority of registry:5000: is so already
      an engine: will install docker.io with apt
      the engine runs with its settings: left to you: start the engine
    ");
    let hosts = vec![one("web1", &items, None), one("web2", &[], Some("the host refused our login\nssh-add"))];
    let done = SetupAnswer { hosts, is_plan: false };
    assert!(!done.is_well());
    assert_snapshot!(shown(&done), @r"
    web1
      settings of the engine (/etc/docker/daemon.json): not done: add rotated logs and the mirror https://mirror.internal to them
      authority of registry:5000: is so already
      an engine: not done: install docker.io with apt
      the engine runs with its settings: left to you: start the engine
    web2
      failed: the host refused our login
              ssh-add
    ");
}
