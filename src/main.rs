//! Parses arguments, builds the runtime, runs the command, turns its end into an exit code; or renders templates for another
//! shipctl, which has started this one for that.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use shipctl::cli::{Cli, complete};
use shipctl::commands;
use shipctl::error::{Error, Exit};
use shipctl::report::Reporter;
use shipctl::template::worker;

fn main() -> ExitCode {
    if let Some(project) = worker::is_asked_for(std::env::args_os()) {
        return worker::serve(&project);
    }
    // A shell that completes a line gets its answer here, and nothing else is done.
    CompleteEnv::with_factory(Cli::command).var(complete::VARIABLE).complete();
    let cli = Cli::parse();
    // Everything that speaks TLS takes the provider that is installed here; a second one is never installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Reporter::choose(cli.global.format).error(&Error::unchanged(error));
            return Exit::Unchanged.into();
        }
    };
    let exit = runtime.block_on(commands::run(cli));
    // Not waiting: a question that nobody answers any more, or a helper that hangs, must not hold up the end.
    runtime.shutdown_background();
    exit.into()
}
