//! A web server for tests, whose answers are the test's.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves on loopback until the runtime ends; returns its `http://` address. `answer` gets the head and the body of each
/// request, and says status and body.
pub async fn serve<S: Send + 'static>(
    state: Arc<Mutex<S>>,
    answer: impl Fn(&mut S, &str, &str) -> (&'static str, String) + Send + 'static,
) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let Some((head, body)) = read(&mut stream).await else { continue };
            let (status, text) = answer(&mut state.lock().expect("no panic"), &head, &body);
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
            // Whoever asked may be gone.
            let _gone = stream.write_all((head + &text).as_bytes()).await;
        }
    });
    address
}

/// A request's head and body.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
