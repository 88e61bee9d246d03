//! `secrets edit`: an encrypted file in the operator's editor.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::time::sleep;

use crate::cli;
use crate::commands::Context;
use crate::commands::confirm::{Answer, Assent};
use crate::environment::Environment;
use crate::error::{Error, Exit, Result};
use crate::manifest::{short, suggest};
use crate::report::secrets::{Change, WrittenAnswer, WrittenFile};
use crate::sealed::Entries;
use crate::sealed::file::Plain;
use crate::sealed::scratch::Scratch;
use crate::transport::process;

use super::sealing::{Sealing, files, none};

/// For a signal, from the system to whoever waits for it here.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// What a new file begins with.
const BLANK: &[u8] = b"# A line per secret, such as\n# db_password: value\n";

/// Decrypts, waits for the editor, checks, encrypts.
pub(in crate::commands) async fn run(context: &Context, arguments: &cli::SecretsEdit) -> Result<Exit> {
    let editor = editor()?;
    let sealing = Sealing::begin(context, &arguments.target)?;
    let name = file(&sealing.environment, arguments.file.as_deref())?;
    let (file, before) = sealing.open(name)?;
    let plain = before.as_ref().map_or(BLANK, |opened| &opened.plain);
    let edited = edited(context, &editor, name, plain).await?;
    let change = if edited.as_slice() == plain {
        Change::None
    } else {
        sealing.write(&file, &edited, before.as_ref())?;
        Change::Text
    };
    let files = vec![WrittenFile { file: name.to_owned(), change }];
    context.reporter.answer(&WrittenAnswer { files, recipients: sealing.recipients }, Exit::Done);
    Ok(Exit::Done)
}

/// The operator's editor, where there is a terminal for it.
fn editor() -> Result<Vec<String>> {
    let otherwise = |what: &str| {
        Error::bad_input(anyhow!("{what}")).hint("shipctl secrets set ENV NAME takes one value from standard input")
    };
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(otherwise("there is no terminal here for an editor"));
    }
    let variable = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR"));
    let editor = editor.ok_or_else(|| otherwise("neither VISUAL nor EDITOR names an editor"))?;
    short::words(&editor).map_err(|error| otherwise(&format!("the editor in VISUAL or EDITOR {error}")))
}

/// The encrypted file that is meant.
fn file<'e>(environment: &'e Environment, asked: Option<&Path>) -> Result<&'e Path> {
    let files = files(environment);
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let known = names.iter().map(String::as_str);
    match (asked, files.len()) {
        (_, 0) => Err(none(environment)),
        (None, 1) => files.first().copied().ok_or_else(|| none(environment)),
        (None, _) => {
            let source = anyhow!("there are several encrypted files");
            Err(Error::bad_input(source).hint(format!("name one: {}", names.join(", "))))
        }
        (Some(asked), _) => {
            let found = files.iter().find(|file| **file == asked).copied();
            let unknown = || {
                let source = anyhow!("no secret of {} comes from {}", environment.name, asked.display());
                Error::bad_input(source).hint(suggest::hint(&asked.to_string_lossy(), known))
            };
            found.ok_or_else(unknown)
        }
    }
}

/// What the operator makes of a text. Where it is not what the file can hold, the editor may be opened again.
async fn edited(context: &Context, editor: &[String], name: &Path, plain: &[u8]) -> Result<Plain> {
    let unusable = |error| Error::unchanged(error).hint(unchanged(name));
    let shown = Path::new(name.file_name().unwrap_or(name.as_os_str())).with_extension("yml");
    let scratch = Scratch::new(&shown.to_string_lossy(), plain)
        .context("there is no place for the editor's file")
        .map_err(Error::unchanged)?;
    loop {
        open(context, editor, scratch.path()).await.map_err(|error| error.hint(unchanged(name)))?;
        let edited = scratch.read().context("what the editor wrote cannot be read").map_err(unusable)?;
        let Err(problem) = Entries::parse(&edited, name) else { return Ok(edited) };
        let problem = Error::bad_input(problem);
        if !context.reporter.can_ask() {
            return Err(problem.hint(unchanged(name)));
        }
        context.reporter.error(&problem);
        let question = "edit it again? Otherwise what you wrote is lost [y/N]".to_owned();
        if context.confirm(Assent::Ask, question).await? == Answer::No {
            return Err(Error::bad_input(anyhow!("the edit was given up")).hint(unchanged(name)));
        }
    }
}

fn unchanged(name: &Path) -> String {
    format!("{} is what it was, and no plain text is left", name.display())
}

/// Runs the editor to its end. It has the terminal, so a Ctrl-C is for it; when we are told to end, it is ended.
async fn open(context: &Context, editor: &[String], file: &Path) -> Result<()> {
    let (program, arguments) =
        editor.split_first().ok_or_else(|| Error::bad_input(anyhow!("the editor has no name")))?;
    let lent = context.signals.lend();
    let mut command = process::interactive(PathBuf::from(program));
    let mut child = command
        .args(arguments)
        .arg(file)
        .spawn()
        .with_context(|| format!("the editor `{program}` cannot be run"))
        .map_err(Error::unchanged)?;
    let waiting = async { child.wait().await.context("the editor cannot be waited for").map_err(Error::unchanged) };
    let status = context.signals.unless_cancelled(waiting).await?;
    // A signal that came while the editor had the terminal may still be on its way to us.
    sleep(ON_ITS_WAY).await;
    drop(lent);
    if status.success() { Ok(()) } else { Err(Error::unchanged(anyhow!("the editor `{program}` failed ({status})"))) }
}
