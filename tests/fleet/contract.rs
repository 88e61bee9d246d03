//! The contract of balancers, held against the real programs on this machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use shipctl::balancer::caddy::Caddy as CaddyDoor;
use shipctl::balancer::haproxy::{Haproxy, HaproxySocket};
use shipctl::balancer::{Admin, Health, LoadBalancer, Member, Members};
use shipctl::transport::{Place, socket};
use tempfile::TempDir;

use crate::balancer_contract::{Case, assert_silent};
use crate::support::caddy::Caddy;
use crate::support::poll::until;
use crate::support::process::{command, signal};
use crate::support::{SOON, free_port};

/// An application that answers with its own port; `/held` only when it is let.
struct Upstream {
    port: u16,
    lets: Sender<()>,
    held: Receiver<()>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (lets, let_go) = channel();
        let (holds, held) = channel();
        let let_go = Arc::new(Mutex::new(let_go));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (let_go, holds) = (Arc::clone(&let_go), holds.clone());
                thread::spawn(move || answer(stream, port, &let_go, &holds));
            }
        });
        Self { port, lets, held }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn answer(mut stream: TcpStream, port: u16, let_go: &Mutex<Receiver<()>>, holds: &Sender<()>) {
    let mut bytes = [0; 4096];
    let Ok(read) = stream.read(&mut bytes) else { return };
    if bytes[..read].starts_with(b"GET /held") {
        holds.send(()).expect("the test goes on");
        // An error is the end of the test.
        let _end = let_go.lock().expect("no panic").recv();
    }
    let text = port.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", text.len());
    // Who asked may have gone.
    let _gone = stream.write_all((head + &text).as_bytes());
}

fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("the balancer listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the balancer reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the balancer answers");
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(text)
}

fn members(backend: &str, upstreams: &[Upstream]) -> Members {
    let one = |(index, upstream): (usize, &Upstream)| {
        let host = format!("web{}", index + 1);
        let member = Member {
            host: host.parse().expect("a name"),
            addresses: vec!["127.0.0.1".to_owned()],
            ports: vec![upstream.port],
            bound: None,
        };
        (host, member)
    };
    [(backend.to_owned(), upstreams.iter().enumerate().map(one).collect())].into()
}

fn caddy_door(caddy: &Caddy, upstreams: &[Upstream]) -> CaddyDoor {
    let place = Place::Socket(caddy.admin());
    CaddyDoor::new(socket(None, place.clone()), &place, members("srv0", upstreams))
}

#[tokio::test]
async fn a_real_caddy_keeps_the_contract_and_its_configuration_comes_back_to_what_it_was() {
    let upstreams = [Upstream::start(), Upstream::start()];
    let mut caddy = Caddy::start(&[upstreams[0].address(), upstreams[1].address()], "first");
    let (door, before) = (caddy_door(&caddy, &upstreams), caddy.app());
    Case { balancer: &door, backend: "srv0", server: "web1", other: "web2" }.holds().await;
    assert_eq!(caddy.app(), before);
    caddy.end();
    assert_silent(&door, "srv0", "web1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_caddy_counts_what_a_drained_upstream_is_still_at_and_gives_it_nothing_new() {
    let upstreams = [Upstream::start(), Upstream::start()];
    let caddy = Caddy::start(&[upstreams[0].address(), upstreams[1].address()], "first");
    let door = caddy_door(&caddy, &upstreams);
    let [first, second] = [&upstreams[0], &upstreams[1]].map(|upstream| upstream.port.to_string());
    assert_eq!(get(&caddy.url, "/"), first);
    let url = caddy.url.clone();
    let held = thread::spawn(move || get(&url, "/held"));
    upstreams[0].held.recv_timeout(SOON).expect("the request has arrived");
    door.drain("srv0", "web1").await.expect("a drain");
    let seen = door.servers("srv0").await.expect("servers")["web1"].clone();
    assert_eq!((seen.admin, seen.sessions), (Admin::Drain, Some(1)));
    for _ in 0..5 {
        assert_eq!(get(&caddy.url, "/"), second);
    }
    upstreams[0].lets.send(()).expect("it waits");
    assert_eq!(held.join().expect("an answer"), first, "what was under way is answered");
    loop {
        if door.servers("srv0").await.expect("servers")["web1"].is_idle() {
            break;
        }
        tokio::task::yield_now().await;
    }
    door.admit("srv0", "web1").await.expect("an admit");
    assert_eq!(get(&caddy.url, "/"), first, "it has its place again");
}

/// In front of servers with these options.
fn haproxy(upstreams: &[Upstream], options: &str) -> (std::process::Child, TempDir, PathBuf) {
    haproxy_with(upstreams, options, |_| Vec::new())
}

/// The same with further arguments, for its directory.
fn haproxy_with(
    upstreams: &[Upstream],
    options: &str,
    arguments: impl Fn(&Path) -> Vec<String>,
) -> (std::process::Child, TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let admin = directory.path().join("admin.sock");
    let servers = upstreams.iter().enumerate();
    let server = |(index, it): (usize, &Upstream)| format!(" server web{} {} {options}\n", index + 1, it.address());
    let servers: String = servers.map(server).collect::<Vec<_>>().concat();
    let config = format!(
        "global\n stats socket {} level admin\ndefaults\n mode http\n timeout connect 2s\n timeout client 9s\n timeout server \
         9s\nfrontend web\n bind 127.0.0.1:{}\n default_backend app\nbackend app\n{servers}",
        admin.display(),
        free_port()
    );
    let file = directory.path().join("haproxy.cfg");
    fs::write(&file, config).expect("a file");
    let mut haproxy = command("haproxy");
    haproxy
        .arg("-db")
        .arg("-f")
        .arg(file)
        .args(arguments(directory.path()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = haproxy.spawn().expect("haproxy starts");
    until("HAProxy answers", SOON, || std::os::unix::net::UnixStream::connect(&admin).ok().map(drop));
    (child, directory, admin)
}

#[tokio::test]
async fn a_real_haproxy_keeps_the_contract_by_its_master_too() {
    let upstreams = [Upstream::start(), Upstream::start()];
    let master = |directory: &Path| directory.join("master.sock");
    let arguments = |directory: &Path| {
        vec!["-W".to_owned(), "-S".to_owned(), format!("{},level,admin", master(directory).display())]
    };
    let (mut child, directory, _) = haproxy_with(&upstreams, "", arguments);
    let socket_of_master = master(directory.path());
    let is_there = || std::os::unix::net::UnixStream::connect(&socket_of_master).ok().map(drop);
    until("HAProxy's master answers", SOON, is_there);
    let door =
        Haproxy::new(socket(None, Place::Socket(socket_of_master.clone())), &HaproxySocket::Master(socket_of_master));
    Case { balancer: &door, backend: "app", server: "web1", other: "web2" }.holds().await;
    // Its workers end with it.
    signal("TERM", child.id());
    child.wait().expect("it ends");
}

#[tokio::test]
async fn a_real_haproxy_finds_another_container_healthy_anew_and_leaves_what_it_does_not_check() {
    let upstreams = [Upstream::start(), Upstream::start()];
    for (options, before, after) in
        [("check inter 300ms rise 2 cookie one", Health::Up, Health::Down), ("", Health::Unchecked, Health::Unchecked)]
    {
        let (mut child, _directory, admin) = haproxy(&upstreams, options);
        let door = Haproxy::new(socket(None, Place::Socket(admin.clone())), &HaproxySocket::Runtime(admin));
        let seen = door.server("app", "web1").await.expect("an answer").expect("a server");
        assert_eq!(seen.sticky, options.contains("cookie"));
        door.drain("app", "web1").await.expect("a drain");
        assert_eq!(health(&door).await, before);
        door.forget("app", "web1").await.expect("it obeys");
        assert_eq!(health(&door).await, after, "the container that it knows has ended");
        while health(&door).await != before {
            tokio::task::yield_now().await;
        }
        child.kill().and_then(|()| child.wait()).expect("it ends");
    }
}

async fn health(door: &Haproxy) -> Health {
    door.server("app", "web1").await.expect("an answer").expect("a server").health
}

#[tokio::test]
async fn a_real_haproxy_keeps_the_contract() {
    let upstreams = [Upstream::start(), Upstream::start()];
    let (mut child, _directory, admin) = haproxy(&upstreams, "");
    let door = Haproxy::new(socket(None, Place::Socket(admin.clone())), &HaproxySocket::Runtime(admin));
    Case { balancer: &door, backend: "app", server: "web1", other: "web2" }.holds().await;
    child.kill().and_then(|()| child.wait()).expect("it ends");
    assert_silent(&door, "app", "web1").await;
}
