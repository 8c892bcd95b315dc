//! A service that answers from a script, for tests of what the client makes of answers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Client, ClientOptions, RetryPolicy};

/// One answer, or what is done in its place.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Reply(String),
    /// Reads the request and cuts the connection.
    Cut,
}

pub(crate) fn reply(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Reply(format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))
}

/// The service: one connection per step, in order. Keeps what it was sent.
#[derive(Debug)]
pub(crate) struct Script {
    url: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            for step in steps {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let request = read_request(&mut stream).await;
                seen.lock().expect("lock").push(request);
                if let Step::Reply(text) = step {
                    stream.write_all(text.as_bytes()).await.expect("written");
                    stream.shutdown().await.expect("closed");
                }
            }
        });
        Self { url, requests }
    }

    /// A client of it that does not wait long.
    pub(crate) fn client(&self) -> Client {
        let retry = RetryPolicy { initial: std::time::Duration::from_millis(1), ..RetryPolicy::default() };
        Client::with_options(&self.url, None, ClientOptions { retry, ..ClientOptions::default() })
            .expect("client")
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.requests.lock().expect("lock").clone()
    }
}

/// The head and the body of one request.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.expect("read");
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .next()
                .unwrap_or(0_usize);
            if body.len() >= length {
                return text;
            }
        }
        assert!(read > 0, "the request ended early: {text}");
    }
}
