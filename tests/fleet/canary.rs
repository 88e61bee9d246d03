//! Secrets that are planted in every place where a secret may be, and looked for in every place where none may be.

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::support::process::{command, finish};
use crate::support::{Fleet, Host, Project, Witness, files_with};

/// From a file, as a copied file.
const COPIED: &str = "Canary-copied+5a/71~Qd";
/// From a command, as a file in memory.
const MEMORY: &str = "Canary-memory=e03b?c2Lw";
/// From an encrypted file, as a variable: of all places, it may be in `docker inspect`.
const VARIABLE: &str = "Canary-variable&9d<f4>Zk";

/// As programs write it: as it is, for JSON, for a URL, in hex, and in base64 wherever it begins.
fn forms(canary: &str) -> BTreeSet<String> {
    let json = canary.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let percent: String = canary
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    let mut forms = BTreeSet::from([canary.to_owned(), json, percent, hex::encode(canary), hex::encode_upper(canary)]);
    for before in 0..3 {
        let padded = [vec![0; before], canary.as_bytes().to_vec()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            // Without what its neighbours have a part in.
            forms.insert(text[(before * 8).div_ceil(6)..text.len() - 1].to_owned());
        }
    }
    forms
}

/// The canaries that a text holds, in any form.
fn heard(text: &str, canaries: &[&str]) -> Vec<String> {
    let in_text = |form: &String| text.contains(form.as_str());
    canaries.iter().flat_map(|canary| forms(canary)).filter(in_text).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a program of this machine says of these canaries: `search` is a shell's, with the words to look for as `$@`.
fn found_by(search: &str, canaries: &[&str]) -> String {
    let words = canaries.iter().flat_map(|canary| forms(canary)).flat_map(|form| ["-e".to_owned(), form]);
    finish(command("bash").args(["-c", search, "search"]).args(words))
}

fn images_with(host: &Host, canaries: &[&str]) -> String {
    let docker = format!("docker -H unix://{}", host.socket.display());
    let images = format!("{docker} image ls -q | sort -u");
    let search = format!(
        "{{ {docker} save $({images}); {docker} inspect $({images}); {images} | xargs -n1 {docker} history --no-trunc; }} | grep -acF \"$@\" || true"
    );
    found_by(&search, canaries)
}

/// A project with a canary in every place.
fn project(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.write("secrets/copied", COPIED);
    project.write("secrets/memory", MEMORY);
    project.edit(
        "  api_token: { file: secrets/api_token }\n",
        "  copied: { file: secrets/copied }\n  memory: { command: [cat, secrets/memory] }\n  variable: { age: secrets/prod.age.yml }\n",
    );
    project.edit("secrets: [api_token]", "secrets: [copied, { source: memory, tmpfs: true }]");
    project.edit("GREETING: hello", "GREETING: hello, CANARY: { secret: variable }");
    project.edit("project: shop\n", "project: shop\nage: { identity: age.key }\n");
    let said = project.said(&["secrets", "init", "prod"]);
    let recipient = said.split_whitespace().find(|word| word.starts_with("age1")).expect("a recipient");
    project.edit("age: { identity: age.key }", &format!("age: {{ identity: age.key, recipients: [{recipient}] }}"));
    project.write("secrets/variable", VARIABLE);
    let set = format!("{} secrets set prod variable < secrets/variable", quoted(env!("CARGO_BIN_EXE_shipctl")));
    finish(command("bash").args(["-c", &set]).current_dir(project.root()));
    project
}

/// What shipctl shows on a terminal.
fn on_a_terminal(project: &Project, arguments: &str) -> String {
    let shipctl = format!("{} {arguments}", quoted(env!("CARGO_BIN_EXE_shipctl")));
    let mut script = command("script");
    script.args(["-qc", &shipctl, "/dev/null"]).current_dir(project.root()).env_remove("CI").env("TERM", "xterm");
    script.env("SHIPCTL_SSH_CONFIG", &project.ssh_config).env("XDG_RUNTIME_DIR", project.path("run"));
    finish(&mut script)
}

#[test]
fn canaries_are_where_they_are_meant_to_be_and_nowhere_else() {
    let fleet = Fleet::start();
    let project = project(&fleet);
    let password = fs::read_to_string(project.path("secrets/registry_password")).expect("a password");
    let all = [COPIED, MEMORY, VARIABLE, password.trim()];
    let never_variables = [COPIED, MEMORY, password.trim()];
    let witness = Witness::of(&all).and_of_environments(&never_variables);

    // A good release, one that prints each of its secrets and dies, in every format, and the way back.
    let mut said = project.deploy(0).text();
    let bad = |secret: &str| format!("GREETING: hello, MODE: {{ secret: {secret} }},");
    for secret in ["copied", "memory", "variable"] {
        project.edit("GREETING: hello,", &bad(secret));
        let confession = format!("unknown mode [secret {secret}]");
        let json = project.deploy(3).text();
        assert!(json.contains(&confession), "it printed no secret: {json}");
        let terminal = on_a_terminal(&project, "deploy prod --yes || true");
        assert!(terminal.contains(&confession), "it printed no secret: {terminal}");
        said += &json;
        said += &terminal;
        project.edit(&bad(secret), "GREETING: hello,");
    }
    let plain = Host::snapshot;
    let before: Vec<_> = fleet.hosts().iter().flat_map(plain).collect();
    project.tag("v2");
    said += &project.run(&["plan", "prod", "-o", "saved.json"]).expect(0).text();
    said += &project.said(&["deploy", "prod", "--plan", "saved.json", "--yes"]);
    said += &project.run(&["rollback", "prod", "--yes"]).expect(0).text();
    for arguments in
        [&["status", "prod"][..], &["history", "prod"], &["config", "show", "prod"], &["secrets", "list", "prod"]]
    {
        said += &project.said(arguments);
    }
    assert!(!before.is_empty() && fleet.releases() == ["v1"; 3]);

    let (rounds, mut seen) = witness.ask();
    // The application of a bad release, which the manifest gives a canary as a variable, for the moment that it lives.
    seen.retain(|text| !text.contains("\0MODE="));
    assert!(rounds > 50, "too few looks to mean anything: {rounds}");
    assert_eq!(seen, Vec::<String>::new(), "in a command line or an environment");
    assert_eq!(heard(&said, &all), Vec::<String>::new(), "in an output");
    // The journals, the saved plan, and whatever else a run may have left with the operator.
    let left = format!(
        "cd {} && grep -rlaF --exclude-dir=secrets --exclude=age.key \"$@\" . || true",
        quoted(&project.root().display().to_string())
    );
    assert_eq!(found_by(&left, &all), "", "at the operator's");
    let registry = format!(
        "cd {} && find . -type f ! -name password | while read -r f; do zcat -f \"$f\" | grep -qaF \"$@\" && echo \"$f\"; done; true",
        quoted(&fleet.file("registry").display().to_string())
    );
    assert_eq!(found_by(&registry, &all), "", "in the registry's storage");
    for host in fleet.hosts() {
        let name = &host.name;
        assert_eq!(heard(&host.inspected(), &never_variables), Vec::<String>::new(), "docker inspect on {name}");
        assert_eq!(images_with(&host, &all).trim(), "0", "in an image on {name}");
        for (canary, meant) in
            [(COPIED, "/run/secrets/copied"), (MEMORY, "/run/shipctl/"), (VARIABLE, ""), (password.trim(), "nowhere")]
        {
            let mut is_found = false;
            for form in forms(canary) {
                let found = files_with(&fleet, name, &form);
                let is_meant = |file: &&String| match canary {
                    // The engine's own description of the container, and that of its runtime.
                    VARIABLE => file.ends_with("/config.v2.json") || file.contains("/containerd/"),
                    MEMORY => file.starts_with(meant),
                    _ => file.ends_with(meant),
                };
                let (at_home, astray): (Vec<_>, Vec<_>) = found.iter().partition(is_meant);
                assert_eq!(astray, Vec::<&String>::new(), "{form} on {name}");
                is_found |= !at_home.is_empty();
            }
            // The search is not blind.
            assert!(is_found || canary == password.trim(), "{canary} is not on {name}");
        }
    }
}
