//! Requests that a well-behaved client would not send.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Answer, within};

/// A connection that sends any bytes.
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.expect("a connection")))
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within("sending", self.0.write_all(bytes)).await.expect("sent");
    }

    /// Sends while it reads: the server may answer before it has read everything.
    pub(crate) async fn exchange(self, bytes: &[u8]) -> Answer {
        let (read, mut write) = self.0.into_inner().into_split();
        let mut reader = BufReader::new(read);
        let sending = async {
            // A refused request need not be read to its end.
            let _ = write.write_all(bytes).await;
        };
        within("an answer", async { tokio::join!(sending, read_answer(&mut reader)).1 }).await
    }

    /// The next answer on this connection.
    pub(crate) async fn answer(&mut self) -> Answer {
        within("an answer", read_answer(&mut self.0)).await
    }

    /// Returns when the server has closed the connection; what came before that.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = within("the connection's end", self.0.read_to_end(&mut rest)).await;
        rest
    }
}

/// A request as text: a body has its length, and the connection is for this request only.
pub(crate) fn request_text(method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

async fn read_answer<R: tokio::io::AsyncRead + Unpin>(reader: &mut BufReader<R>) -> Answer {
    let head = read_line(reader).await;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let mut headers = HeaderMap::new();
    loop {
        let line = read_line(reader).await;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").expect("a header");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).await.expect("a whole answer");
    Answer { status, headers, body: Bytes::from(body) }
}

async fn read_line<R: tokio::io::AsyncRead + Unpin>(reader: &mut BufReader<R>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).await.expect("a line of the answer's head");
    assert!(!line.is_empty(), "the connection was closed without an answer");
    line.trim_end().to_owned()
}
