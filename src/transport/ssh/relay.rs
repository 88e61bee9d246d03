//! A stream to the engine through a program on the host, where sshd forbids forwarding its socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use openssh::{Child, ChildStdin, ChildStdout, Session, Stdio};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::master::{Tail, keep_tail};

/// What runs on the host: the Docker CLI joins its standard streams to the engine's socket.
const COMMAND: &str = "docker system dial-stdio";

/// A remote `docker system dial-stdio`. Ends when it is dropped.
pub(super) struct Relay {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// What the remote program complains of, for the first failure.
    complaints: Arc<Tail>,
    _child: Child<Arc<Session>>,
    _permit: OwnedSemaphorePermit,
}

impl Relay {
    /// Starts one. `permit` is kept as long as it runs.
    pub(super) async fn open(session: Arc<Session>, permit: OwnedSemaphorePermit) -> Result<Self, openssh::Error> {
        let mut command = session.arc_raw_command(COMMAND);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().await?;
        let complaints = Arc::new(Tail::default());
        // Ends with the remote program.
        tokio::spawn(keep_tail(child.stderr().take(), Arc::clone(&complaints)));
        let stdin = child.stdin().take();
        let Some(stdout) = child.stdout().take() else { return Err(openssh::Error::Disconnected) };
        Ok(Self { stdin, stdout, complaints, _child: child, _permit: permit })
    }

    pub(super) fn complaints(&self) -> Arc<Tail> {
        Arc::clone(&self.complaints)
    }
}

impl AsyncRead for Relay {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Relay {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closes the pipe: the far end sees the end of our data, and may still answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}
