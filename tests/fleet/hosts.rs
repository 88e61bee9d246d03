//! Hosts themselves: whether they are fit, programs on them, and what it takes before the first deploy.

use serde_json::Value;

use crate::support::{Fleet, Project, Run, Shape};

/// The findings about a host, as `question state`, but for what is as it should be.
fn findings(run: &Run, key: &str, host: &str) -> Vec<String> {
    let hosts = run.result[key]["hosts"].as_array().unwrap_or_else(|| panic!("{run}"));
    let of_host = hosts.iter().find(|one| one["host"] == host).unwrap_or_else(|| panic!("nothing about {host}: {run}"));
    let findings = of_host["findings"].as_array().expect("a list").iter();
    let told = findings.map(|one| [&one["question"], &one["state"]].map(|it| it.as_str().expect("a text")).join(" "));
    told.filter(|one| !one.ends_with(" ok")).collect()
}

/// What was planned or done, as `state what`.
fn items(run: &Run, host: &str) -> Vec<String> {
    let hosts = run.result["host_setup"]["hosts"].as_array().unwrap_or_else(|| panic!("{run}"));
    let of_host = hosts.iter().find(|one| one["host"] == host).unwrap_or_else(|| panic!("nothing about {host}: {run}"));
    let items = of_host["items"].as_array().expect("a list").iter();
    items.map(|one| [&one["state"], &one["what"]].map(|it| it.as_str().expect("a text")).join(" ")).collect()
}

/// A command as root on a host, past shipctl.
#[track_caller]
fn on(fleet: &Fleet, host: &str, command: &str) -> String {
    fleet.script(&["exec", host, "bash", "-c", command])
}

#[test]
fn what_is_wrong_with_a_host_is_told_and_nothing_is_changed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before = fleet.snapshot();
    let run = project.run(&["host", "check", "prod"]).expect(0);
    for (host, bare) in [("h1", false), ("h2", false), ("h3", true)] {
        let found = findings(&run, "host_check", host);
        assert!(found.contains(&"live_restore warning".to_owned()), "{host}: {run}");
        assert_eq!(found.contains(&"logs warning".to_owned()), !bare, "{host}: {run}");
        assert_eq!(found.contains(&"disk not_known".to_owned()), bare, "{host}: {run}");
        assert!(!found.iter().any(|one| one.ends_with(" bad") || one.starts_with("clock")), "{host}: {run}");
    }
    let table = project.said(&["host", "check", "prod"]);
    assert!(table.lines().next().is_some_and(|line| line.starts_with("HOST  ENGINE")), "{table}");
    assert!(table.contains("ours"), "the port that the service publishes: {table}");

    on(&fleet, "h1", "mkdir -p /etc/docker && echo '{\"dns\": [' > /etc/docker/daemon.json");
    fleet.script(&["fill", "h1"]);
    // The port is somebody else's now, who is no container.
    project.run(&["stop", "prod", "--host", "h2", "--force", "--yes"]).expect(0);
    let listen =
        "perl -MIO::Socket::INET -e 'my $it = IO::Socket::INET->new(LocalPort => 8080, Listen => 1) or die; sleep'";
    let listener = on(&fleet, "h2", &format!("setsid {listen} </dev/null >/dev/null 2>&1 & echo $!"));
    fleet.script(&["registry", "stop"]);
    let run = project.run(&["host", "check", "prod"]).expect(1);
    let [h1, h2, h3] = ["h1", "h2", "h3"].map(|host| findings(&run, "host_check", host));
    assert!(h1.contains(&"disk bad".to_owned()) && h1.contains(&"logs bad".to_owned()), "{run}");
    assert!(h2.contains(&"ports bad".to_owned()) && !h2.contains(&"disk bad".to_owned()), "{run}");
    assert!([h1, h2, h3].iter().all(|found| found.contains(&"registry bad".to_owned())), "{run}");
    assert!(run.text().contains("something that is no container listens at port 8080"), "{run}");
    assert!(run.text().contains("column"), "where the settings are broken: {run}");

    fleet.script(&["registry", "start"]);
    fleet.script(&["unfill", "h1"]);
    on(&fleet, "h1", "rm /etc/docker/daemon.json");
    on(&fleet, "h2", &format!("kill {}", listener.trim()));
    project.run(&["start", "prod", "--host", "h2"]).expect(0);
    let names = |snapshot: Vec<String>| -> Vec<_> {
        snapshot.iter().filter_map(|one| Some(one.split_whitespace().next()?.to_owned())).collect()
    };
    assert_eq!(names(fleet.snapshot()), names(before));

    fleet.script(&["cut", "h2"]);
    let run = project.run(&["host", "check", "prod"]).expect(1);
    fleet.script(&["heal", "h2"]);
    assert_eq!(findings(&run, "host_check", "h2"), ["engine bad"], "{run}");
    assert!(!findings(&run, "host_check", "h1").contains(&"engine bad".to_owned()), "{run}");
}

#[test]
fn a_program_runs_on_several_hosts_with_just_its_words() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let words = ["two  words", "$HOME `id` \\0101", "it's", "*"];
    let script = "hostname; printf '[%s]' \"$@\"; echo; echo complaint >&2; test \"$(hostname)\" = h1 || exit 3";
    let command = [
        &["host", "exec", "prod", "--host", "h1,h2", "--reason", "ticket 7", "--", "sh", "-c", script, "x"],
        &words[..],
    ];
    let run = project.run(&command.concat()).expect(3);
    let expected = format!("[{}]", words.join("]["));
    for host in ["h1", "h2"] {
        let lines: Vec<Value> = run.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of_host = lines.iter().filter(|line| line["host"] == host && line["line"].is_string());
        let of_host: Vec<_> = of_host.map(|line| (line["stream"].as_str(), line["line"].as_str())).collect();
        for line in
            [(Some("stdout"), Some(host)), (Some("stdout"), Some(&expected)), (Some("stderr"), Some("complaint"))]
        {
            assert!(of_host.contains(&line), "{line:?} of {host}: {run}");
        }
    }
    assert_eq!(run.result["host_exec"][1]["code"], 3, "{run}");
    let said = project.said(&["host", "exec", "prod", "--host", "h1,h2", "--", "hostname"]);
    let mut lines: Vec<_> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["h1 | h1", "h2 | h2"]);
    assert_eq!(project.said(&["host", "exec", "prod", "--host", "h2", "--", "hostname"]), "h2\n", "of one, as it is");
    project.run(&["host", "exec", "prod", "--host", "h1", "--", "no-such-program"]).expect(127);

    fleet.script(&["engine", "stop", "h1"]);
    project.run(&["host", "exec", "prod", "--host", "h1", "--", "true"]).expect(0);
    fleet.script(&["engine", "start", "h1"]);
    fleet.script(&["cut", "h2"]);
    let run = project.run(&["host", "exec", "prod", "--host", "h1,h2", "--", "hostname"]).expect(1);
    fleet.script(&["heal", "h2"]);
    assert_eq!(run.result["host_exec"][0]["code"], 0, "{run}");
    assert!(run.result["host_exec"][1]["error"].is_string(), "{run}");
    let history = project.said(&["history", "prod", "--by-hand"]);
    assert!(history.contains("host exec") && history.contains("ticket 7") && history.contains("h1, h2"), "{history}");
}

/// Whoever has the operator's key may log in as root.
fn let_root_in(fleet: &Fleet, host: &str) {
    let install = "install -D -m 600 /home/deploy/.ssh/authorized_keys /root/.ssh/authorized_keys && chown -R root /root/.ssh && \
                   sed -i 's/^PermitRootLogin no/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config";
    on(fleet, host, install);
    fleet.script(&["restart-ssh", host]);
}

#[test]
fn a_fresh_host_gets_an_engine_and_is_deployed_to() {
    let fleet = Fleet::of(&Shape::HOSTS);
    let project = Project::new(&fleet);
    project.edit("  h1: { ssh: deploy@h1 }\n  h2: { ssh: deploy@h2 }\n", "");
    let run = project.run(&["host", "check", "prod"]).expect(1);
    assert_eq!(findings(&run, "host_check", "h3"), ["engine bad"], "{run}");
    let key = fleet.file("ssh/id_ed25519.pub");
    let key = key.to_string_lossy();
    // An account that may become root, and no more: it does not use the engine yet.
    let run = project.run(&["host", "setup", "prod", "--user", "deploy", "--key", &key, "--yes"]).expect(0);
    assert!(items(&run, "h3").iter().all(|item| item.starts_with("already ")), "{run}");
    let settings = on(&fleet, "h3", "cat /etc/docker/daemon.json");
    assert!(settings.contains("cgroup-parent") && settings.contains("max-size"), "{settings}");
    let live = fleet.script(&["docker", "h3", "info", "--format", "{{.LiveRestoreEnabled}}"]);
    assert_eq!(live, "true\n", "it has started with its settings");
    project.install();
    assert_eq!(fleet.host("h3").release(), "v1");
    let run = project.run(&["host", "check", "prod"]).expect(0);
    assert!(!findings(&run, "host_check", "h3").iter().any(|one| one.starts_with('l')), "logs and live-restore: {run}");
    let run = project.run(&["host", "setup", "prod", "--user", "deploy", "--key", &key, "--yes"]).expect(0);
    assert!(items(&run, "h3").iter().all(|item| item.starts_with("already ")), "{run}");
    assert_eq!(fleet.host("h3").release(), "v1", "what runs was left alone");
}

#[test]
fn a_host_is_set_up_once_and_keeps_what_it_had() {
    let fleet = Fleet::of(&Shape::HOSTS);
    let project = Project::new(&fleet);
    for host in ["h1", "h2"] {
        let_root_in(&fleet, host);
    }
    let (settings, key) = ("/etc/docker/daemon.json", fleet.file("ssh/id_ed25519.pub"));
    on(&fleet, "h1", &format!("echo '{{\"max-concurrent-downloads\": 5, \"labels\": [\"zone=a\"]}}' > {settings}"));
    on(&fleet, "h2", &format!("echo '{{\"labels\": [' > {settings}"));
    on(&fleet, "h1", &format!("rm -r '/etc/docker/certs.d/{}'", fleet.registry()));
    let key = key.to_string_lossy();
    project.edit("  h3: { ssh: deploy@h3 }\n", "");
    let setup = |rest: &[&'static str]| [&["host", "setup", "prod", "--user", "ann", "--key", &key], rest].concat();

    // As root, or as one who can become root.
    let run = project.run(&setup(&["--host", "h1", "--yes"])).expect(1);
    assert!(run.text().contains("not root's"), "{run}");
    project.edit("ssh: deploy@h1", "ssh: root@h1");
    project.edit("ssh: deploy@h2", "ssh: root@h2");
    let before = on(&fleet, "h1", "find /etc /home -newer /etc/docker/daemon.json; getent passwd");
    let run = project.run(&setup(&["--host", "h1", "--dry-run"])).expect(0);
    assert_eq!(items(&run, "h1").iter().filter(|item| item.starts_with("will ")).count(), 6, "{run}");
    assert_eq!(on(&fleet, "h1", "find /etc /home -newer /etc/docker/daemon.json; getent passwd"), before);

    // One that cannot be done keeps nobody else from it.
    let run = project.run(&setup(&["--yes"])).expect(4);
    assert!(run.text().contains("is not a JSON object") && run.text().contains("it is left as it is"), "{run}");
    assert_eq!(on(&fleet, "h2", &format!("cat {settings}")), "{\"labels\": [\n");
    assert_eq!(
        on(&fleet, "h2", "getent passwd ann || echo nobody"),
        "nobody\n",
        "nothing is done where not all is understood"
    );
    let now: Value = serde_json::from_str(&on(&fleet, "h1", &format!("cat {settings}"))).expect("JSON");
    assert_eq!((&now["max-concurrent-downloads"], &now["labels"][0]), (&Value::from(5), &Value::from("zone=a")));
    assert_eq!((&now["log-opts"]["max-size"], &now["live-restore"]), (&Value::from("10m"), &Value::from(true)));
    let live = fleet.script(&["docker", "h1", "info", "--format", "{{.LiveRestoreEnabled}}"]);
    assert_eq!(live, "true\n", "the engine has read it again");
    let left: Vec<_> = items(&run, "h1").into_iter().filter(|item| !item.starts_with("already ")).collect();
    assert_eq!(left, ["left the engine runs with its settings"], "nobody there restarts engines: {run}");
    let found = findings(&run, "host_setup", "h1");
    assert!(!found.iter().any(|one| one.starts_with("registry") || one.starts_with("logs")), "{run}");
    assert_eq!(
        on(&fleet, "h1", "stat -c '%a %U' /home/ann /home/ann/.ssh /home/ann/.ssh/authorized_keys"),
        "700 ann\n700 ann\n600 ann\n"
    );

    fleet.script(&["engine", "stop", "h1"]);
    fleet.script(&["engine", "start", "h1"]);
    let before = on(&fleet, "h1", "ls -i /etc/docker/daemon.json /home/ann/.ssh/authorized_keys /etc/passwd");
    let run = project.run(&setup(&["--host", "h1", "--yes"])).expect(0);
    let all = items(&run, "h1");
    assert!(all.len() == 7 && all.iter().all(|item| item.starts_with("already ")), "{run}");
    assert_eq!(on(&fleet, "h1", "ls -i /etc/docker/daemon.json /home/ann/.ssh/authorized_keys /etc/passwd"), before);

    // What is Docker Hub's comes from a mirror, which the engine asks without having been restarted.
    project.edit("  h2: { ssh: root@h2 }\n", "");
    fleet.script(&["registry", "mirror"]);
    let mirror = format!("http://{}", fleet.registry().replace(":5000", ":5001"));
    project.edit("registry:\n", &format!("images: {{ mirrors: [\"{mirror}\"] }}\nregistry:\n"));
    project.edit("image: shop/web:v1", "image: docker.io/shop/web:v1");
    let run = project.run(&["host", "check", "prod"]).expect(1);
    let about: Vec<_> =
        findings(&run, "host_check", "h1").into_iter().filter(|one| one.starts_with("registry")).collect();
    assert_eq!(about, ["registry bad", "registry warning"], "neither Docker Hub nor its mirror: {run}");
    let run = project.run(&setup(&["--host", "h1", "--yes"])).expect(0);
    assert!(items(&run, "h1").iter().all(|item| item.starts_with("already ")), "{run}");
    assert!(!findings(&run, "host_setup", "h1").iter().any(|one| one.starts_with("registry")), "{run}");
    let now: Value = serde_json::from_str(&on(&fleet, "h1", &format!("cat {settings}"))).expect("JSON");
    assert_eq!((&now["registry-mirrors"][0], &now["labels"][0]), (&Value::from(mirror), &Value::from("zone=a")));

    // Whom it was made for can deploy, and a container of anybody has its logs bounded.
    project.edit("ssh: root@h1", "ssh: ann@h1");
    project.install();
    assert_eq!(fleet.host("h1").release(), "v1");
    let id = fleet.host("h1").only().id().to_owned();
    let image = fleet.script(&["docker", "h1", "inspect", "--format", "{{.Image}}", &id]);
    let other = fleet.script(&["docker", "h1", "create", image.trim()]);
    let format = "{{.HostConfig.LogConfig.Config}}";
    let logs = fleet.script(&["docker", "h1", "inspect", "--format", format, other.trim()]);
    assert!(logs.contains("max-size:10m"), "{logs}");
    fleet.end();
}
