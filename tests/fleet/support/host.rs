//! One host, looked at past the program under test: its engine by its own socket, its application by HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{Container, engine};

/// Port that the application is published on.
const PORT: u16 = 8080;
const PATIENCE: Duration = Duration::from_secs(2);
/// What a lock's name begins with, on every host.
const LOCK: &str = "shipctl-lock-";

/// A host of the fleet.
pub struct Host {
    pub name: String,
    pub address: String,
    /// Whether it is reached by SSH; else it is a bare Docker endpoint with TLS.
    pub by_ssh: bool,
    pub socket: PathBuf,
}

impl Host {
    /// From the fleet's description of itself.
    pub fn read(facts: &Value) -> Self {
        let text = |key: &str| facts[key].as_str().unwrap_or_else(|| panic!("a host has a {key}")).to_owned();
        let by_ssh = text("kind") == "ssh";
        Self { name: text("name"), address: text("address"), by_ssh, socket: text("socket").into() }
    }

    /// All containers that are not notes of shipctl's own, oldest first.
    pub fn containers(&self) -> Vec<Container> {
        let mut all = engine::containers(&self.socket);
        all.retain(|container| !container.is_note());
        all
    }

    /// Those that run.
    pub fn running(&self) -> Vec<Container> {
        self.containers().into_iter().filter(Container::is_running).collect()
    }

    /// The one that runs.
    #[track_caller]
    pub fn only(&self) -> Container {
        let mut running = self.running();
        assert_eq!(running.len(), 1, "containers that run on {}: {running:?}", self.name);
        running.remove(0)
    }

    /// Every container, as text that changes when anything about one does.
    pub fn snapshot(&self) -> Vec<String> {
        self.containers().iter().map(|container| format!("{} {container}", self.name)).collect()
    }

    /// Whether a rollout holds the host's lock.
    pub fn is_locked(&self) -> bool {
        engine::containers(&self.socket).iter().any(|container| container.name().starts_with(LOCK))
    }

    /// `docker inspect` of every container, also of shipctl's own notes.
    pub fn inspected(&self) -> String {
        format!("{:?}", engine::containers(&self.socket))
    }

    /// Engine events that say that something was changed, since a moment.
    pub fn changes_since(&self, since: Duration) -> Vec<String> {
        engine::changes(&self.socket, since)
    }

    /// Mode and content of a file in a container.
    #[track_caller]
    pub fn file(&self, container: &Container, path: &str) -> (u32, Vec<u8>) {
        engine::file(&self.socket, container.id(), path)
    }

    /// What the application answers on its published port; `None` if it does not.
    pub fn get(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.ask(path).ok()?).ok()
    }

    /// The release that answers; `-` if none does.
    pub fn release(&self) -> String {
        let answer = self.get("/");
        answer.and_then(|answer| Some(answer["release"].as_str()?.to_owned())).unwrap_or_else(|| "-".to_owned())
    }

    /// Where its application answers.
    pub fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }

    /// Whether its SSH server lets us connect.
    pub fn is_reachable(&self) -> bool {
        self.connect(22).is_ok()
    }

    fn connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let address = format!("{}:{port}", self.address).parse().expect("an address and a port");
        TcpStream::connect_timeout(&address, PATIENCE)
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = self.connect(PORT)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}
