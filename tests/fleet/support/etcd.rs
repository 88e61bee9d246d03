//! A real etcd server on this machine, with a login, for as long as a test holds it.

use std::net::TcpListener;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::SOON;
use super::poll::until;
use super::process::{attempt, command, finish};

/// Who may write.
pub const PASSWORD: &str = "etcd-5d1f0a77c2";

/// The server.
pub struct Etcd {
    child: Child,
    pub address: String,
    _data: TempDir,
}

impl Etcd {
    /// An empty one, which asks for the password.
    pub fn start() -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let (client, peer) = (free(), free());
        let data = TempDir::new().expect("a directory");
        let (address, peers) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let mut etcd = command("etcd");
        etcd.arg("--data-dir").arg(data.path());
        etcd.args(["--listen-client-urls", &address, "--advertise-client-urls", &address]);
        etcd.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        etcd.args(["--initial-cluster", &format!("default={peers}")]);
        let child = etcd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("etcd starts");
        let server = Self { child, address, _data: data };
        until("etcd answers", SOON, || server.ask("maintenance/status", "{}").ok().map(drop));
        for (path, body) in [
            ("auth/user/add", format!(r#"{{"name":"root","password":"{PASSWORD}"}}"#)),
            ("auth/role/add", r#"{"name":"root"}"#.to_owned()),
            ("auth/user/grant", r#"{"user":"root","role":"root"}"#.to_owned()),
            ("auth/enable", "{}".to_owned()),
        ] {
            server.ask(path, &body).unwrap_or_else(|complaint| panic!("{complaint}"));
        }
        server
    }

    fn ask(&self, path: &str, body: &str) -> Result<String, String> {
        let url = format!("{}/v3/{path}", self.address);
        attempt(command("curl").args(["--silent", "--fail", "--noproxy", "*", "--data", body, &url]))
    }

    /// As somebody with the password.
    fn told(&self, path: &str, body: &str) -> serde_json::Value {
        let login = format!(r#"{{"name":"root","password":"{PASSWORD}"}}"#);
        let login: serde_json::Value =
            serde_json::from_str(&self.ask("auth/authenticate", &login).expect("a token")).expect("JSON");
        let header = format!("Authorization: {}", login["token"].as_str().expect("a token"));
        let url = format!("{}/v3/{path}", self.address);
        let said = finish(
            command("curl")
                .args(["--silent", "--fail", "--noproxy", "*"])
                .args(["--header", &header, "--data", body, &url]),
        );
        serde_json::from_str(&said).expect("JSON")
    }

    /// What a key holds.
    pub fn get(&self, key: &str) -> Option<String> {
        let answer = self.told("kv/range", &format!(r#"{{"key":"{}"}}"#, base64(key)));
        let value = answer["kvs"].get(0)?["value"].as_str().unwrap_or_default().to_owned();
        Some(finish(command("bash").args(["-c", "printf %s \"$0\" | base64 -d", &value])))
    }

    /// Somebody else writes.
    pub fn put(&self, key: &str, value: &str) {
        let body = format!(r#"{{"key":"{}","value":"{}"}}"#, base64(key), base64(value));
        self.told("kv/put", &body);
    }

    /// It goes away in the midst of everything, without a word.
    pub fn kill(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn base64(text: &str) -> String {
    finish(command("bash").args(["-c", "printf %s \"$0\" | base64 -w0", text]))
}
