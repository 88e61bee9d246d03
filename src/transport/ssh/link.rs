//! What goes through one master connection: the engine's socket, and TCP addresses as the host sees them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openssh::{ForwardType, Session, Socket, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::timeout;

use super::master::Master;
use super::private_dir::PrivateDir;
use super::relay::Relay;
use super::words;
use crate::fleet::SshDestination;
use crate::transport::{Program, Stream, TransportError, lists_of};

/// Where engines listen; the second where `/var/run` is no link to `/run`.
const ENGINE_SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const CONTROL: &str = "c";
/// sshd allows ten sessions per connection unless told otherwise; one is the master's own.
const MAX_RELAYS: usize = 8;

/// A live connection to a host.
pub(super) struct Link {
    name: String,
    session: Arc<Session>,
    engine: OnceCell<Engine>,
    /// How often the engine was looked for: each time under names of its own, as those of the last time are taken.
    searches: AtomicUsize,
    forwards: Mutex<HashMap<SocketAddr, PathBuf>>,
    // Dropped in this order: the master ends before its sockets go.
    master: Master,
    dir: PrivateDir,
}

/// The engine of the far end.
struct Engine {
    door: Door,
    /// How often the far end had refused to forward when the door was found.
    refusals: usize,
}

/// How the engine is reached from the far end.
enum Door {
    /// Its socket is forwarded to this one.
    Forwarded(PathBuf),
    /// Through a program there.
    Relayed(Arc<Semaphore>),
}

impl Link {
    /// Connects.
    pub(super) async fn open(destination: &SshDestination) -> Result<Self, TransportError> {
        let name = format!("ssh {destination}");
        let dir = PrivateDir::create()
            .map_err(|error| failed(&name, &format!("no private directory for sockets: {error}")))?;
        let master = Master::start(destination, &dir, CONTROL).await?;
        let session = Arc::new(Session::resume_mux(dir.join(CONTROL).into_boxed_path(), None));
        let (engine, searches, forwards) = (OnceCell::new(), AtomicUsize::new(0), Mutex::default());
        Ok(Self { name, session, engine, searches, forwards, master, dir })
    }

    /// Finds a way to the engine, unless it is known.
    pub(super) async fn find_engine(&self) -> Result<(), TransportError> {
        self.door().await.map(drop)
    }

    async fn door(&self) -> Result<&Door, TransportError> {
        let find = || async {
            let search = self.searches.fetch_add(1, Ordering::Relaxed);
            let door = find_door(&self.name, &self.session, &self.dir, search).await?;
            Ok(Engine { door, refusals: self.master.refusals() })
        };
        Ok(&self.engine.get_or_try_init(find).await?.door)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.master.is_alive()
    }

    /// A new stream to the engine.
    pub(super) async fn engine(&self) -> Result<Box<dyn Stream>, TransportError> {
        match self.door().await? {
            Door::Forwarded(socket) => self.attach(socket).await,
            Door::Relayed(slots) => Ok(Box::new(relay(&self.name, &self.session, slots).await?)),
        }
    }

    /// A new stream to a TCP address of the far end. Whether anybody listens there shows only in what the
    /// stream does: one that nobody answers is closed at once.
    pub(super) async fn dial(&self, to: SocketAddr) -> Result<Box<dyn Stream>, TransportError> {
        if self.master.refusals() > self.engine.get().map_or(0, |engine| engine.refusals) {
            let hint = "allow it in the host's sshd_config (AllowTcpForwarding yes), or use exec checks".to_owned();
            return Err(TransportError {
                message: format!("{}: the host forbids TCP forwarding", self.name),
                hint: Some(hint),
            });
        }
        let socket = self.forwarded(to).await?;
        self.attach(&socket).await
    }

    /// The sockets of a process of the far end, as far as its kernel shows them.
    pub(super) async fn sockets(&self, process: u32) -> Result<String, TransportError> {
        // Understood alike by sh, bash, zsh, fish and csh. What is not there lists nothing.
        let mut command = self.session.raw_command(format!("cat {}", lists_of(process).join(" ")));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().await.map_err(|error| self.failed(&error))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a program of the far end.
    pub(super) async fn start(&self, words: &[String]) -> Result<Program, TransportError> {
        let mut command = Arc::clone(&self.session).arc_raw_command(words::line(words));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await.map_err(|error| self.failed(&error))?;
        let pipes = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        let (Some(input), Some(output), Some(complaints)) = pipes else {
            return Err(self.failed(&openssh::Error::Disconnected));
        };
        let ended = Box::pin(async move {
            match child.wait().await {
                Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()),
                // This is how the library says 127.
                Err(openssh::Error::Remote(error)) if error.kind() == std::io::ErrorKind::NotFound => Some(127),
                Err(_) => None,
            }
        });
        let (input, output, complaints) = (Box::new(input), Box::new(output), Box::new(complaints));
        Ok(Program { input, output, complaints, ended })
    }

    /// The local socket that leads to an address; made when it is asked for first.
    async fn forwarded(&self, to: SocketAddr) -> Result<PathBuf, TransportError> {
        let mut forwards = self.forwards.lock().await;
        if let Some(socket) = forwards.get(&to) {
            return Ok(socket.clone());
        }
        let socket = self.dir.join(&format!("t{}", forwards.len()));
        // Without the brackets that a conversion from the address would put around IPv6.
        let target = Socket::new(to.ip().to_string(), to.port());
        forward(&self.session, &socket, target).await.map_err(|error| self.failed(&error))?;
        forwards.insert(to, socket.clone());
        Ok(socket)
    }

    pub(super) async fn close(&self) {
        self.master.close().await;
    }

    async fn attach(&self, socket: &Path) -> Result<Box<dyn Stream>, TransportError> {
        match UnixStream::connect(socket).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> TransportError {
        match self.master.last_words() {
            words if words.is_empty() => failed(&self.name, &format!("the connection is lost: {error}")),
            words => failed(&self.name, &format!("the connection is lost: {words}")),
        }
    }
}

/// Asks for an answer at each place where the engine may be: a forward to a socket that is missing or forbidden
/// is set up all the same, and only resets who uses it.
async fn find_door(
    name: &str,
    session: &Arc<Session>,
    dir: &PrivateDir,
    search: usize,
) -> Result<Door, TransportError> {
    for (index, remote) in ENGINE_SOCKETS.into_iter().enumerate() {
        let local = dir.join(&format!("e{search}-{index}"));
        if forward(session, &local, Path::new(remote).into()).await.is_err() {
            continue;
        }
        if let Ok(mut stream) = UnixStream::connect(&local).await
            && answers(&mut stream).await
        {
            return Ok(Door::Forwarded(local));
        }
    }
    let slots = Arc::new(Semaphore::new(MAX_RELAYS));
    let mut stream = relay(name, session, &slots).await?;
    if answers(&mut stream).await {
        return Ok(Door::Relayed(slots));
    }
    let complaints = stream.complaints().text();
    let said = complaints.lines().map(str::trim).find(|line| !line.is_empty());
    let said: String = said.unwrap_or("no answer").chars().filter(|c| !c.is_control()).collect();
    let hint = if said.contains("permission denied") {
        Some("let the user talk to the engine: sudo usermod -aG docker <user>, then log in again")
    } else if said.contains("not found") {
        Some("install an engine on the host, for instance: sudo apt-get install docker.io")
    } else if said.contains("Cannot connect") {
        Some("start the engine on the host: sudo systemctl start docker")
    } else {
        None
    };
    Err(TransportError { message: format!("{name}: no engine answers: {said}"), hint: hint.map(str::to_owned) })
}

async fn forward(session: &Session, local: &Path, remote: Socket<'_>) -> Result<(), openssh::Error> {
    session.request_port_forward(ForwardType::Local, local, remote).await
}

async fn relay(name: &str, session: &Arc<Session>, slots: &Arc<Semaphore>) -> Result<Relay, TransportError> {
    let permit = Arc::clone(slots).acquire_owned().await.map_err(|_| failed(name, "closed"))?;
    Relay::open(Arc::clone(session), permit).await.map_err(|error| failed(name, &format!("no session: {error}")))
}

/// Whether an engine is at the other end. It need not like the question.
async fn answers(stream: &mut impl Stream) -> bool {
    let question = async {
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").await?;
        stream.flush().await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer == *b"HTTP/1.")
    };
    matches!(timeout(PING_TIMEOUT, question).await, Ok(Ok(true)))
}

fn failed(name: &str, what: &str) -> TransportError {
    TransportError { message: format!("{name}: {what}"), hint: None }
}
