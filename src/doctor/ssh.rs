//! The user's OpenSSH: the client, keys to log in with, and the keys that hosts are known by. `ssh -G` says how a host would
//! be reached, and connects to nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::fleet::{Endpoint, SshDestination};
use crate::transport::ssh::SSH_CONFIG_VARIABLE;

use super::{Finding, State, Subject, ask};

pub(super) async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let destinations = destinations(subject);
    let is_needed = !destinations.is_empty();
    let Some((true, version)) = ask("ssh", &["-V"]).await else {
        let advice = "install the OpenSSH client (openssh-client)";
        let finding = Finding::warn("ssh", "no OpenSSH client", advice);
        return vec![Finding { state: if is_needed { State::Fail } else { State::Warn }, ..finding }];
    };
    let mut findings = vec![Finding::ok("ssh", version.first().cloned().unwrap_or_default())];
    if let Some(config) = std::env::var_os(SSH_CONFIG_VARIABLE).map(PathBuf::from).filter(|path| !path.is_file()) {
        let found = format!("{SSH_CONFIG_VARIABLE} names {}, which is no file", config.display());
        findings.push(Finding::fail("ssh configuration", found, "name one that is there, or unset the variable"));
    }
    findings.push(keys(&destinations).await);
    for (shown, destination) in &destinations {
        findings.push(known(shown, destination).await);
    }
    findings
}

/// Those of all environments, each once.
fn destinations(subject: &Subject<'_>) -> BTreeMap<String, SshDestination> {
    let hosts = subject
        .environments
        .iter()
        .flat_map(|environment| environment.hosts.values().map(|host| &host.endpoint).chain([&environment.builder]));
    let ssh = hosts.filter_map(|endpoint| match endpoint {
        Endpoint::Ssh(destination) => Some((destination.to_string(), destination.clone())),
        Endpoint::Tcp { .. } | Endpoint::Unix(_) => None,
    });
    ssh.collect()
}

/// How ssh would go about it, by its own word.
async fn plan(destination: &SshDestination) -> BTreeMap<String, Vec<String>> {
    let mut arguments = vec!["-G".to_owned()];
    if let Ok(config) = std::env::var(SSH_CONFIG_VARIABLE) {
        arguments.extend(["-F".to_owned(), config]);
    }
    if let Some(port) = destination.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = &destination.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    arguments.extend(["--".to_owned(), destination.host.clone()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut plan: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in ask("ssh", &arguments).await.map(|(_, lines)| lines).unwrap_or_default() {
        if let Some((key, value)) = line.split_once(' ') {
            plan.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
    plan
}

fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// Keys to log in with: of an agent, or in files.
async fn keys(destinations: &BTreeMap<String, SshDestination>) -> Finding {
    let in_agent = match ask("ssh-add", &["-l"]).await {
        Some((true, lines)) => lines.len(),
        _ => 0,
    };
    if in_agent > 0 {
        return Finding::ok("ssh keys", format!("{in_agent} in the agent"));
    }
    let any = SshDestination { user: None, host: "localhost".to_owned(), port: None };
    let mut files = Vec::new();
    for destination in destinations.values().chain(destinations.is_empty().then_some(&any)) {
        files.extend(plan(destination).await.remove("identityfile").unwrap_or_default());
    }
    files.sort();
    files.dedup();
    let there: Vec<_> = files.into_iter().filter(|file| home(file).is_file()).collect();
    let advice = "ssh-add a key, or make one with ssh-keygen -t ed25519; nobody types a password for shipctl";
    match (there.is_empty(), destinations.is_empty()) {
        (false, _) => Finding::ok("ssh keys", format!("none in an agent; in files: {}", there.join(", "))),
        (true, true) => Finding::warn("ssh keys", "none in an agent, and none in ~/.ssh", advice),
        (true, false) => Finding::fail("ssh keys", "none in an agent, and no file that ssh would try", advice),
    }
}

/// Whether a host would be known. One that is not is refused: shipctl never takes a key on trust.
async fn known(shown: &str, destination: &SshDestination) -> Finding {
    let about = format!("host key of {shown}");
    let plan = plan(destination).await;
    let one = |key: &str| plan.get(key).and_then(|values| values.first()).cloned();
    let name = one("hostkeyalias").or_else(|| one("hostname")).unwrap_or_else(|| destination.host.clone());
    let port = one("port").unwrap_or_else(|| "22".to_owned());
    let looked_up = if port == "22" { name.clone() } else { format!("[{name}]:{port}") };
    let files = ["userknownhostsfile", "globalknownhostsfile"].map(|key| one(key).unwrap_or_default()).join(" ");
    for file in files.split_whitespace().map(home).filter(|file| file.is_file()) {
        let file = file.display().to_string();
        if let Some((true, lines)) = ask("ssh-keygen", &["-F", &looked_up, "-f", &file]).await
            && !lines.is_empty()
        {
            return Finding::ok(about, format!("in {file}"));
        }
    }
    if plan.contains_key("knownhostscommand") {
        return Finding::ok(about, "told by a KnownHostsCommand");
    }
    let advice = format!("connect once by hand and compare its fingerprint: ssh {}", command(destination));
    Finding::warn(about, format!("{looked_up} is in none of your known hosts, so it would be refused"), advice)
}

/// As it is typed.
fn command(destination: &SshDestination) -> String {
    let user = destination.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = destination.port.map(|port| format!("-p {port} ")).unwrap_or_default();
    format!("{port}{user}{}", destination.host)
}
