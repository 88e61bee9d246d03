//! One file per command, each an outline: read what was asked, call the library, say what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::{Cli, Command, Config, Global, Host, Import, Lock, Overrides, Secrets, Selectors, Target};
use crate::clock::{Clock, SystemClock};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::ledger::Kind;
use crate::fleet::select::Selection;
use crate::hook::local::LocalHooks;
use crate::manifest;
use crate::report::{Reporter, panic};
use crate::rollout::recorder::Recorder;

mod act;
mod balancers;
mod completions;
mod config;
mod confirm;
mod copy;
mod deploy;
mod doctor;
mod doors;
mod events;
mod exec;
mod hand;
mod history;
mod host;
mod images;
mod import;
mod init;
mod key;
mod listen;
mod lock;
mod logs;
mod man;
mod operator;
mod plan;
mod promote;
mod proposal;
mod prune;
mod publish;
mod pull;
mod registry;
mod report;
mod rollback;
mod rollout;
pub(crate) mod root;
mod run;
mod schema;
mod secrets;
mod session;
mod signals;
mod sizes;
mod status;
mod terminal;
mod top;

use signals::Signals;

/// What every command has at hand.
struct Context {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    reporter: Reporter,
    signals: Signals,
}

/// Runs a command to its end, and says how it ended.
pub async fn run(cli: Cli) -> Exit {
    let reporter = Reporter::choose(cli.global.format);
    panic::redact(reporter.redactor());
    let result = dispatch(cli, &reporter).await;
    reporter.clear();
    result.unwrap_or_else(|error| {
        reporter.error(&error);
        error.exit
    })
}

async fn dispatch(cli: Cli, reporter: &Reporter) -> Result<Exit> {
    // These need no project: they print, or make one.
    match &cli.command {
        Command::Completions(arguments) => return completions::run(arguments),
        Command::Doctor(arguments) => return doctor::run(reporter, &cli.global, arguments).await,
        Command::Man(arguments) => return man::run(reporter, arguments),
        Command::Config(Config::Schema) => return schema::run(),
        Command::Init(arguments) => return init::run(reporter, &cli.global, arguments).await,
        Command::Import(Import::Compose(arguments)) => return import::compose(reporter, &cli.global, arguments),
        Command::Import(Import::Kamal(arguments)) => return import::kamal(reporter, &cli.global, arguments),
        _ => {}
    }
    if let Command::Host(Host::Setup(arguments)) = &cli.command
        && let Some(addresses) = arguments.addresses()
    {
        let context = Context::anywhere(reporter)?;
        return Box::pin(host::setup::of_addresses(&context, arguments, addresses)).await;
    }
    let context = Context::new(&cli.global, reporter)?;
    match cli.command {
        Command::Deploy(arguments) => deploy::run(&context, &arguments).await,
        Command::Plan(arguments) => plan::run(&context, &arguments).await,
        Command::Promote(arguments) => promote::run(&context, &arguments).await,
        Command::Rollback(arguments) => rollback::run(&context, &arguments).await,
        Command::Pull(arguments) => pull::run(&context, &arguments).await,
        Command::Start(arguments) => act::start(&context, &arguments).await,
        Command::Stop(arguments) => act::run(&context, Kind::Stop, &arguments).await,
        Command::Restart(arguments) => act::run(&context, Kind::Restart, &arguments).await,
        Command::Remove(arguments) => act::run(&context, Kind::Remove, &arguments).await,
        Command::Prune(arguments) => prune::run(&context, &arguments).await,
        Command::Host(Host::Drain(arguments)) => act::drain(&context, &arguments).await,
        Command::Host(Host::Admit(arguments)) => act::admit(&context, &arguments).await,
        Command::Host(Host::Reboot(arguments)) => act::reboot(&context, &arguments).await,
        Command::Status(arguments) => status::run(&context, &arguments).await,
        Command::History(arguments) => history::run(&context, &arguments).await,
        Command::Logs(arguments) => logs::run(&context, &arguments).await,
        Command::Exec(arguments) => exec::run(&context, &arguments).await,
        Command::Top(arguments) => top::run(&context, &arguments).await,
        Command::Events(arguments) => events::run(&context, &arguments).await,
        Command::Copy(arguments) => copy::run(&context, &arguments).await,
        Command::Run(arguments) => run::run(&context, &arguments).await,
        // Boxed because much goes on at the same time in them.
        Command::Host(Host::Check(arguments)) => Box::pin(host::check::run(&context, &arguments)).await,
        Command::Host(Host::Setup(arguments)) => Box::pin(host::setup::run(&context, &arguments)).await,
        Command::Host(Host::Exec(arguments)) => Box::pin(host::exec::run(&context, &arguments)).await,
        Command::Report(arguments) => report::run(&context, &arguments),
        Command::Config(Config::Show(arguments)) => config::show(&context, &arguments),
        Command::Config(Config::Diff(arguments)) => config::diff(&context, &arguments),
        Command::Config(Config::Render(arguments)) => config::render(&context, &arguments).await,
        Command::Config(Config::Validate(arguments)) => config::validate(&context, &arguments),
        Command::Secrets(Secrets::Init(arguments)) => secrets::init::run(&context, &arguments),
        Command::Secrets(Secrets::Set(arguments)) => secrets::set::run(&context, &arguments).await,
        Command::Secrets(Secrets::Edit(arguments)) => secrets::edit::run(&context, &arguments).await,
        Command::Secrets(Secrets::View(arguments)) => secrets::view::run(&context, &arguments).await,
        Command::Secrets(Secrets::List(arguments)) => secrets::list::run(&context, &arguments).await,
        Command::Secrets(Secrets::Rotate(arguments)) => secrets::rotate::run(&context, &arguments),
        Command::Registry(command) => registry::run(&context, &command).await,
        Command::Tag(arguments) => registry::tag(&context, &arguments).await,
        Command::Lock(Lock::Show(arguments)) => lock::show(&context, &arguments).await,
        Command::Completions(_)
        | Command::Config(Config::Schema)
        | Command::Doctor(_)
        | Command::Import(_)
        | Command::Init(_)
        | Command::Man(_) => unreachable!("they were run above"),
    }
}

impl Context {
    fn new(global: &Global, reporter: &Reporter) -> Result<Self> {
        Ok(Self { root: root::find(global.project.as_deref())?, ..Self::anywhere(reporter)? })
    }

    /// For what needs no project.
    fn anywhere(reporter: &Reporter) -> Result<Self> {
        Ok(Self {
            root: PathBuf::from("."),
            clock: Arc::new(SystemClock),
            reporter: reporter.clone(),
            signals: Signals::listen(reporter)?,
        })
    }

    /// Reads and resolves an environment.
    fn environment(&self, target: &Target, overrides: &Overrides) -> Result<Environment> {
        manifest::load(&self.root, &target.environment, &overrides.layers()).map_err(Error::bad_input)
    }

    /// The same for commands that need no more of the services than what the hosts have recorded.
    fn recorded_environment(&self, target: &Target, overrides: &Overrides) -> Result<Environment> {
        manifest::load_recorded(&self.root, &target.environment, &overrides.layers()).map_err(Error::bad_input)
    }

    /// The way to the operator's own programs.
    fn hooks(&self) -> LocalHooks {
        LocalHooks::new(&self.root, self.reporter.redactor().clone())
    }

    /// For commands that change something, or may take long.
    fn recorder(&self) -> Recorder {
        Recorder::new(Arc::clone(&self.clock), self.reporter.sink()).without(self.reporter.redactor().clone())
    }

    /// For commands that only look: their answer is all that is to be read.
    fn quiet_recorder(&self) -> Recorder {
        Recorder::new(Arc::clone(&self.clock), self.reporter.live_sink()).without(self.reporter.redactor().clone())
    }
}

/// The part of an environment that a command is about.
fn select(environment: &Environment, selectors: &Selectors) -> Result<Selection> {
    Selection::resolve(environment, &selectors.hosts, &selectors.services).map_err(Error::bad_input)
}
