//! What a host needs before anything can be deployed to it: from what it tells to steps, in their order. Pure.

use super::machine::{Content, MachineFacts, Trait};
use super::settings::{Invalid, Settings};

/// Distributions whose packages are known here.
const KNOWN: [&str; 2] = ["debian", "ubuntu"];
/// Why a mirror is not written into settings: an engine refuses to start with a setting in two places.
const ELSEWHERE: &str = "add it where the engine is told of its mirrors, which is not in its settings";
/// Whose members may use the engine, and so are as good as root.
pub const GROUP: &str = "docker";

/// What is wished for, beside an engine with rotated logs and live-restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The registry whose certificates are of an authority of its own.
    pub authority: Option<Authority>,
    /// Mirrors of Docker Hub, `scheme://host[:port]`.
    pub mirrors: Vec<String>,
    /// Who deploys.
    pub login: Option<Login>,
}

/// A registry's own authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// `host[:port]`
    pub registry: String,
    /// Its certificate, as PEM.
    pub text: String,
}

/// An account and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// A public key, as a line.
    pub key: String,
}

/// One thing of a host, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which thing.
    pub task: Task,
    /// How it stands.
    pub stands: Stands,
}

/// Things of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// The engine's settings.
    Settings,
    /// A mirror of Docker Hub.
    Mirror(String),
    /// Trust in a registry.
    Authority(String),
    /// An engine.
    Engine,
    /// The settings being those that the engine runs with.
    Running,
    /// An account.
    User(String),
    /// The account's right to use the engine.
    Group(String),
    /// The operator's key.
    Key(String),
}

/// How something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It is so already.
    Already,
    /// This is to be done.
    Will(Step),
    /// It is not so, and is left to the operator, for this reason.
    Left(&'static str),
}

/// One change of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write the engine's settings in the place of what was read.
    Settings {
        /// What stood there; `None` if there was no file.
        before: Option<String>,
        /// What is to stand there.
        text: String,
        /// What of it is not there yet, for people.
        adds: Vec<String>,
    },
    /// Write the authority of a registry.
    Authority {
        /// `host[:port]`
        registry: String,
        /// Its certificate, as PEM.
        text: String,
    },
    /// Install packages of the distribution, and have the engine run.
    Install(Vec<&'static str>),
    /// Have the engine read again what it takes up while it runs.
    Reload {
        /// Whether that is all of what has changed.
        is_enough: bool,
    },
    /// Restart the engine, unless containers would end with it.
    Restart,
    /// Make an account without a password.
    User(String),
    /// Put it into the group that may use the engine.
    Group(String),
    /// Let a key log in.
    Key {
        /// To which account.
        user: String,
        /// The public key.
        key: String,
    },
}

/// Why nothing is done to a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody here knows its packages.
    #[error("it is {0}; Debian and Ubuntu are known here")]
    Distribution(String),
    /// The settings are broken, and what was meant with them is not known.
    #[error("{0}; it is left as it is")]
    Settings(#[from] Invalid),
    /// Root cannot read them.
    #[error("the engine's settings cannot be read")]
    Unreadable,
}

/// All things that are wished for, in the order in which they are done.
pub fn plan(facts: &MachineFacts, wish: &Wish) -> Result<Vec<Item>, Refusal> {
    let name = || facts.distribution.as_ref().map_or_else(|| "of no known kind".to_owned(), |one| one.name.clone());
    if facts.distribution.as_ref().is_none_or(|one| !KNOWN.contains(&one.id.as_str())) {
        return Err(Refusal::Distribution(name()));
    }
    let (before, is) = match &facts.settings {
        Content::Absent => (None, Settings::default()),
        Content::Text(text) => (Some(text.clone()), Settings::read(text)?),
        Content::Unreadable => return Err(Refusal::Unreadable),
    };
    let wanted = is.completed(facts.flags.as_deref().unwrap_or_default(), facts.is(Trait::Swarm), &wish.mirrors);
    let mut items = Vec::new();
    let mut add = |task: Task, stands: Stands| items.push(Item { task, stands });
    // Before there is an engine: it starts with them.
    let step = Step::Settings { before, text: wanted.text(), adds: wanted.beyond(&is) };
    add(Task::Settings, unless(wanted == is, step));
    let known = wanted.mirrors();
    for mirror in wish.mirrors.iter().filter(|mirror| !known.contains(&mirror.as_str())) {
        add(Task::Mirror(mirror.clone()), Stands::Left(ELSEWHERE));
    }
    if let Some(Authority { registry, text }) = &wish.authority {
        let step = Step::Authority { registry: registry.clone(), text: text.clone() };
        let is_so = matches!(&facts.authority, Content::Text(known) if known == text);
        add(Task::Authority(registry.clone()), unless(is_so, step));
    }
    add(Task::Engine, unless(facts.is(Trait::Engine), Step::Install(packages(facts))));
    if facts.is(Trait::Engine) {
        running(facts, &is, &wanted, &mut items);
    }
    if let Some(login) = &wish.login {
        account(facts, login, &mut items);
    }
    Ok(items)
}

fn unless(is_so: bool, step: Step) -> Stands {
    if is_so { Stands::Already } else { Stands::Will(step) }
}

/// What of the distribution is installed: not more than an engine needs to start and to trust registries.
fn packages(facts: &MachineFacts) -> Vec<&'static str> {
    let confined = facts.is(Trait::AppArmor).then_some("apparmor");
    ["docker.io", "ca-certificates"].into_iter().chain(confined).collect()
}

/// What it takes until the engine that is there runs with its settings.
fn running(facts: &MachineFacts, is: &Settings, wanted: &Settings, items: &mut Vec<Item>) {
    let mut add = |stands: Stands| items.push(Item { task: Task::Running, stands });
    let is_changed = wanted != is;
    let is_up = facts.flags.is_some();
    let is_enough = is_up && !facts.is(Trait::Stale) && is.is_reloaded_to(wanted);
    if is_up && is_changed {
        add(Stands::Will(Step::Reload { is_enough }));
    }
    match (is_enough, facts.is(Trait::Systemd)) {
        (true, _) if is_changed => {}
        (true, _) => add(Stands::Already),
        (false, true) => add(Stands::Will(Step::Restart)),
        (false, false) if is_up => {
            add(Stands::Left("restart the engine by what starts it there: until then logs are as they were"));
        }
        (false, false) => add(Stands::Left("start the engine by what starts it there")),
    }
}

fn account(facts: &MachineFacts, Login { user, key }: &Login, items: &mut Vec<Item>) {
    let account = facts.account.as_ref();
    let mut add = |task: Task, is_so: bool, step: Step| {
        items.push(Item { task, stands: unless(is_so, step) });
    };
    add(Task::User(user.clone()), account.is_some(), Step::User(user.clone()));
    let is_in = account.is_some_and(|account| account.groups.contains(GROUP));
    add(Task::Group(user.clone()), is_in, Step::Group(user.clone()));
    let knows = account.is_some_and(|account| account.knows(key));
    add(Task::Key(user.clone()), knows, Step::Key { user: user.clone(), key: key.clone() });
}

#[cfg(test)]
mod tests;
