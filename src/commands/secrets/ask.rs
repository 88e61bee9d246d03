//! A value from the operator: typed without being shown, or from standard input or a file; never an argument.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::commands::Context;
use crate::environment::secret::MAX_BYTES;
use crate::environment::{Secret, SecretSource};
use crate::error::{Error, Result};

/// The value for a secret.
pub(super) async fn value(context: &Context, name: &str, file: Option<&Path>) -> Result<Secret> {
    if let Some(file) = file {
        let here = std::env::current_dir().context("the current directory cannot be read").map_err(Error::bad_input)?;
        let read = SecretSource::File(file.to_owned()).read(&here);
        return read.unwrap_or_else(|| unreachable!("a file is read at once")).map_err(Error::bad_input);
    }
    if !io::stdin().is_terminal() {
        return taken(read_all, "standard input").await;
    }
    if !io::stderr().is_terminal() {
        let source = anyhow!("there is no terminal to ask for the value on");
        return Err(Error::bad_input(source).hint("pipe it in, or use --from-file FILE"));
    }
    let question = format!("value of {name} (not shown): ");
    io::stderr().write_all(question.as_bytes()).context("the value cannot be asked for")?;
    let hidden = Hidden::begin().context("the terminal cannot be kept from showing the value")?;
    let value = context.signals.unless_cancelled(taken(read_line, "the value")).await;
    drop(hidden);
    // The line end that was typed was not shown either; if that cannot be helped, nothing is lost.
    let _ = io::stderr().write_all(b"\n");
    value
}

/// What a reader reads, as a secret. It reads on a thread of its own, which a Ctrl-C leaves behind.
async fn taken(read: fn() -> io::Result<Zeroizing<Vec<u8>>>, what: &str) -> Result<Secret> {
    let bytes = tokio::task::spawn_blocking(read).await.context("the value cannot be read")?;
    let bytes = bytes.with_context(|| format!("{what} cannot be read")).map_err(Error::bad_input)?;
    Secret::from_output(what, bytes.to_vec()).map_err(Error::bad_input)
}

/// All of standard input, or as much of it as shows that it is too much.
fn read_all() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(room());
    io::stdin().lock().take(MAX_BYTES + 3).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is typed up to the end of the line.
fn read_line() -> io::Result<Zeroizing<Vec<u8>>> {
    use std::io::BufRead;
    let mut bytes = Zeroizing::new(room());
    io::stdin().lock().take(MAX_BYTES + 3).read_until(b'\n', &mut bytes)?;
    Ok(bytes)
}

/// So much that it is not moved, and left behind, while it grows.
fn room() -> Vec<u8> {
    Vec::with_capacity(usize::try_from(MAX_BYTES + 64).unwrap_or_default())
}

/// While this lives, the terminal does not show what is typed.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
