//! One OpenSSH master connection, as our own child.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::private_dir::PrivateDir;
use super::refusal;
use crate::fleet::SshDestination;
use crate::transport::{TransportError, process};

/// Names a configuration file for ssh (`ssh -F`) in place of the user's and the system's: for teams that
/// keep one with their project.
pub const SSH_CONFIG_VARIABLE: &str = "SHIPCTL_SSH_CONFIG";

/// Key exchange is computation on both sides; more at once only makes each of them slower.
static HANDSHAKES: Semaphore = Semaphore::const_new(16);

/// Through jump hosts a connection takes several times ssh's own `ConnectTimeout`.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const READY: &str = "shipctl-ready";
/// What a login shell may print before our command runs.
const MAX_GREETING: u64 = 64 * 1024;
const KEPT_STDERR: usize = 16 * 1024;

/// Options that hold whatever the user's configuration says; ssh takes the first value it meets.
const OPTIONS: [&str; 15] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ControlPersist=no",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ExitOnForwardFailure=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "Tunnel=no",
    "RequestTTY=no",
    "LogLevel=INFO",
];

/// A master connection. It lives exactly as long as the remote command it was started with, and that
/// lives as long as the pipe to its standard input, which only we hold: even if we are killed, nothing stays behind.
#[derive(Debug)]
pub(super) struct Master {
    _stdin: Option<ChildStdin>,
    closing: Arc<Notify>,
    watcher: JoinHandle<()>,
    ended: watch::Receiver<bool>,
    stderr: Arc<Tail>,
}

impl Master {
    /// Connects, and returns when multiplexing is ready at the socket `control` of `dir`.
    pub(super) async fn start(
        destination: &SshDestination,
        dir: &PrivateDir,
        control: &str,
    ) -> Result<Self, TransportError> {
        let _turn = HANDSHAKES.acquire().await;
        let mut child = spawn(destination, dir, control)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let tail = Arc::new(Tail::default());
        let reader = tokio::spawn(keep_tail(stderr, Arc::clone(&tail)));
        let Some(mut stdout) = stdout.map(BufReader::new) else {
            return Err(TransportError { message: format!("ssh {destination}: no pipe to ssh"), hint: None });
        };
        match timeout(READY_TIMEOUT, wait_for_ready(&mut stdout)).await {
            Ok(true) => {}
            Ok(false) => {
                // It has ended, or its remote command has; what it said is complete once both are over.
                drop(stdin);
                let _ended_or_killed_on_drop = timeout(CLOSE_TIMEOUT, child.wait()).await;
                let _complete = timeout(CLOSE_TIMEOUT, reader).await;
                return Err(refusal::explain(destination, &tail.text()));
            }
            Err(_) => {
                let message = format!("ssh {destination}: no session within {} s", READY_TIMEOUT.as_secs());
                return Err(TransportError { message, hint: None });
            }
        }
        let (report, ended) = watch::channel(false);
        let closing = Arc::new(Notify::new());
        let watcher = tokio::spawn(watch_over(child, stdout, Arc::clone(&closing), report));
        Ok(Self { _stdin: stdin, closing, watcher, ended, stderr: tail })
    }

    pub(super) fn is_alive(&self) -> bool {
        !*self.ended.borrow()
    }

    /// How often the far end has refused to forward.
    pub(super) fn refusals(&self) -> usize {
        self.stderr.text().matches("administratively prohibited").count()
    }

    /// The last thing ssh said, for errors of what goes through it.
    pub(super) fn last_words(&self) -> String {
        let text = self.stderr.text();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.chars().filter(|c| !c.is_control()).collect()
    }

    /// Ends the connection, and waits for that.
    pub(super) async fn close(&self) {
        self.closing.notify_one();
        let mut ended = self.ended.clone();
        // An error means that the watcher is gone, and ssh with it; dropping us does what a timeout leaves undone.
        drop(timeout(CLOSE_TIMEOUT, ended.wait_for(|ended| *ended)).await);
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // The watcher owns the child, which is killed with it.
        self.watcher.abort();
    }
}

fn spawn(destination: &SshDestination, dir: &PrivateDir, control: &str) -> Result<Child, TransportError> {
    let words = [Some(&destination.host), destination.user.as_ref()];
    if words.into_iter().flatten().any(|word| word.is_empty() || word.starts_with('-')) {
        return Err(TransportError { message: format!("`{destination}` is not a destination for ssh"), hint: None });
    }
    let mut ssh = process::command("ssh");
    if let Some(config) = std::env::var_os(SSH_CONFIG_VARIABLE) {
        ssh.arg("-F").arg(config);
    }
    ssh.arg("-M").arg("-S").arg(dir.join(control));
    for option in OPTIONS {
        ssh.args(["-o", option]);
    }
    if let Some(port) = destination.port {
        ssh.arg("-p").arg(port.to_string());
    }
    if let Some(user) = &destination.user {
        ssh.arg("-l").arg(user);
    }
    // Understood alike by sh, bash, zsh, fish and csh.
    ssh.arg("--").arg(&destination.host).arg(format!("echo {READY}; exec cat >/dev/null"));
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let hint =
            missing.then(|| "install the OpenSSH client, for instance: sudo apt-get install openssh-client".to_owned());
        TransportError { message: format!("cannot run ssh: {error}"), hint }
    })
}

/// Reads until the remote command reports; `false` if its output ends before. A login shell may talk first.
async fn wait_for_ready(stdout: &mut BufReader<ChildStdout>) -> bool {
    let mut seen = Vec::new();
    let mut limited = stdout.take(MAX_GREETING);
    loop {
        match limited.read_buf(&mut seen).await {
            Ok(0) | Err(_) => return false,
            Ok(_) if seen.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == READY.as_bytes()) => {
                return true;
            }
            Ok(_) => {}
        }
    }
}

/// Owns the child until it ends. Its output is read to the end, so that whatever the remote side
/// prints cannot fill the pipe.
async fn watch_over(
    mut child: Child,
    mut stdout: BufReader<ChildStdout>,
    closing: Arc<Notify>,
    report: watch::Sender<bool>,
) {
    let mut sink = tokio::io::sink();
    let drain = async {
        // Whether it ends well or badly says nothing that the child's end does not say.
        let _ended = tokio::io::copy(&mut stdout, &mut sink).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _status = child.wait() => {}
        () = drain => {}
        // Killed, because ssh would first wait for every stream that is still open.
        () = closing.notified() => drop(child.kill().await),
    }
    report.send_replace(true);
}

/// The last part of what was written to a stream.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Vec<u8>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let excess = kept.len().saturating_sub(KEPT_STDERR);
        kept.drain(..excess);
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Reads a stream to its end, keeping the last part.
pub(super) async fn keep_tail(stream: Option<impl AsyncRead + Unpin>, tail: Arc<Tail>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        tail.push(&buffer[..count]);
    }
}
