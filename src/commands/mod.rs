//! One file per command, each an outline: read what was asked, call the library, say what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::{Cli, Command, Config, Global, Import, Lock, Overrides, Secrets, Selectors, Target};
use crate::clock::{Clock, SystemClock};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::fleet::select::Selection;
use crate::manifest;
use crate::report::{Reporter, panic};
use crate::rollout::recorder::Recorder;

mod completions;
mod config;
mod confirm;
mod deploy;
mod doors;
mod history;
mod images;
mod import;
mod init;
mod key;
mod lock;
mod operator;
mod plan;
mod proposal;
mod publish;
mod rollback;
mod rollout;
mod root;
mod schema;
mod secrets;
mod signals;
mod status;

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
        Command::Config(Config::Schema) => return schema::run(),
        Command::Init(arguments) => return init::run(reporter, &cli.global, arguments).await,
        Command::Import(Import::Compose(arguments)) => return import::compose(reporter, &cli.global, arguments),
        Command::Import(Import::Kamal(arguments)) => return import::kamal(reporter, &cli.global, arguments),
        _ => {}
    }
    let context = Context::new(&cli.global, reporter)?;
    match cli.command {
        Command::Deploy(arguments) => deploy::run(&context, &arguments).await,
        Command::Plan(arguments) => plan::run(&context, &arguments).await,
        Command::Rollback(arguments) => rollback::run(&context, &arguments).await,
        Command::Status(arguments) => status::run(&context, &arguments).await,
        Command::History(arguments) => history::run(&context, &arguments).await,
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
        Command::Lock(Lock::Show(arguments)) => lock::show(&context, &arguments).await,
        Command::Completions(_) | Command::Config(Config::Schema) | Command::Init(_) | Command::Import(_) => {
            unreachable!("they were run above")
        }
    }
}

impl Context {
    fn new(global: &Global, reporter: &Reporter) -> Result<Self> {
        Ok(Self {
            root: root::find(global.project.as_deref())?,
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
