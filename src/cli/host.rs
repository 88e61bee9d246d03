//! `host …`: the machines of an environment themselves.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::ArgValueCompleter;

use super::complete::Names;
use super::shared::{Assent, Target};
use super::{examples, verbs};
use crate::duration;
use crate::fleet::SshDestination;
use crate::fleet::machine::KEY_TYPES;

/// `host …`
#[derive(Debug, Subcommand)]
pub enum Host {
    /// Look whether hosts are fit: engine, disk, clock, ports, registry, logs, known flaws; nothing is changed
    #[command(after_help = examples::HOST_CHECK)]
    Check(HostCheck),
    /// Install and configure Docker on Debian or Ubuntu, with rotated logs, the registry's authority, and a deploy user
    #[command(after_help = examples::HOST_SETUP)]
    Setup(HostSetup),
    /// Run a program on hosts themselves, by SSH
    #[command(after_help = examples::HOST_EXEC)]
    Exec(HostExec),
    /// Take hosts out of traffic, with all that is on them; containers run on, and nothing but `host admit` brings them back
    #[command(after_help = examples::HOST_DRAIN)]
    Drain(HostDrain),
    /// Put hosts back into traffic, with all that is healthy on them
    #[command(after_help = examples::HOST_ADMIT)]
    Admit(HostAdmit),
    /// Reboot hosts, one after the other: drained, rebooted, started again, gated, admitted
    #[command(after_help = examples::HOST_REBOOT)]
    Reboot(HostReboot),
}

/// Which hosts.
#[derive(Debug, Clone, Default, Args)]
pub struct HostSelectors {
    /// Only these hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
}

/// `host check`
#[derive(Debug, Args)]
pub struct HostCheck {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Which hosts of it.
    #[command(flatten)]
    pub selectors: HostSelectors,
}

/// `host setup`
#[derive(Debug, Args)]
pub struct HostSetup {
    /// An environment, for its hosts; or addresses as ssh takes them, `[user@]host[:port]`, with a `@`, `.` or `:` in them
    #[arg(value_name = "ENV|ADDRESS", required = true, add = ArgValueCompleter::new(Names::Environments))]
    pub targets: Vec<String>,
    /// Which hosts of the environment.
    #[command(flatten)]
    pub selectors: HostSelectors,
    /// Make this account, and let it use the engine, which makes it as good as root
    #[arg(long, value_name = "NAME", requires = "key", value_parser = user)]
    pub user: Option<String>,
    /// A file with the public key that may log in as --user
    #[arg(long, value_name = "FILE", requires = "user", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

impl HostSetup {
    /// The addresses, if that is what was given: an environment has no `@` and no `:` in its name, and one is meant before an
    /// address without a dot.
    pub fn addresses(&self) -> Option<&[String]> {
        self.targets.iter().all(|target| target.contains(['@', '.', ':'])).then_some(&self.targets)
    }
}

/// `host exec`
#[derive(Debug, Args)]
pub struct HostExec {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Which hosts of it.
    #[command(flatten)]
    pub selectors: HostSelectors,
    /// On at most so many hosts at the same time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: u16,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// The program and its arguments, behind `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// As `useradd` takes it everywhere.
fn user(text: &str) -> Result<String, String> {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_other = |byte: u8| is_first(byte) || byte.is_ascii_digit() || byte == b'-';
    let is_name = text.bytes().next().is_some_and(is_first) && text.bytes().all(is_other) && text.len() <= 32;
    match text {
        "root" => Err("root needs no account, and should not be who deploys".to_owned()),
        _ if is_name => Ok(text.to_owned()),
        _ => Err("a user is 1 to 32 of a-z, 0-9, `-` and `_`, and begins with a letter or `_`".to_owned()),
    }
}

/// The one public key in the text of a file.
pub fn public_key(text: &str) -> Result<&str, &'static str> {
    if text.contains("PRIVATE KEY") {
        return Err("it holds a private key, which nobody else may have: name the file that ends in .pub");
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    match lines[..] {
        [line] if KEY_TYPES.iter().any(|start| line.starts_with(start)) && line.contains(' ') => Ok(line),
        _ => Err("expected one public key, such as `ssh-ed25519 AAAA… you@desk`"),
    }
}

/// The addresses, read.
pub fn destinations(addresses: &[String]) -> Result<Vec<SshDestination>, String> {
    let read = |text: &String| text.parse().map_err(|error| format!("`{text}` is no address: {error}"));
    addresses.iter().map(read).collect()
}

/// `host drain`
#[derive(Debug, Args)]
pub struct HostDrain {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// These hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", required = true, add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
    /// Why, for who reads `status` and `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// Do it in spite of limits, and of requests that do not end; it is recorded
    #[arg(long)]
    pub force: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

/// `host admit`
#[derive(Debug, Args)]
pub struct HostAdmit {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Only these hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
    /// Why, for who reads `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
}

/// `host reboot`
#[derive(Debug, Args)]
pub struct HostReboot {
    /// Which environment.
    #[command(flatten)]
    pub target: Target,
    /// Only these hosts (repeatable, or separated by commas)
    #[arg(long = "host", value_name = "HOST", add = ArgValueCompleter::new(Names::Hosts))]
    pub hosts: Vec<String>,
    /// At most so many hosts at a time; limits of the manifest hold all the same
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub parallel: Option<u16>,
    /// How long a host may take to be back
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = back_within)]
    pub timeout: Duration,
    /// Why, for who reads `history`
    #[arg(long, value_name = "TEXT", value_parser = verbs::reason)]
    pub reason: Option<String>,
    /// Do it in spite of limits, of requests that do not end, and of balancers that do not answer; it is recorded
    #[arg(long)]
    pub force: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub assent: Assent,
}

fn back_within(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("give it some time, such as `10m`".to_owned()),
        within => Ok(within),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_may_be_shown_is_told_from_one_that_may_not() {
        assert_eq!(public_key("# mine\nssh-ed25519 AAAA ann@desk\n"), Ok("ssh-ed25519 AAAA ann@desk"));
        assert!(public_key("-----BEGIN OPENSSH PRIVATE KEY-----\n").is_err_and(|error| error.contains(".pub")));
        for text in ["", "ssh-ed25519", "hello", "ssh-rsa A a\nssh-rsa B b\n"] {
            assert!(public_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_is_a_name_and_not_root() {
        assert_eq!(user("deploy-2"), Ok("deploy-2".to_owned()));
        for text in ["", "root", "-x", "2deploy", "Deploy", "a b", &"a".repeat(33)] {
            assert!(user(text).is_err(), "{text}");
        }
    }
}
