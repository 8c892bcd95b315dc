//! One connection that stays open, with every step of a request under the test's control.

use std::collections::HashMap;
use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    headers: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The stable code of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Connection {
    pub(crate) async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), headers: String::new() })
    }

    /// Sends this header with every request from now on.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// A request and its answer.
    pub(crate) async fn call(&mut self, method: &str, path: &str, body: Option<&str>) -> io::Result<Answer> {
        let body = body.unwrap_or_default();
        // At once: a service that refuses the head need not wait for the body, and may close.
        let request = format!("{}{body}", self.head(method, path, body.len()));
        self.write(&request).await?;
        self.answer().await
    }

    /// Sends a request's head, which announces a body of `length` bytes.
    pub(crate) async fn begin(&mut self, method: &str, path: &str, length: usize) -> io::Result<()> {
        self.write(&self.head(method, path, length)).await
    }

    fn head(&self, method: &str, path: &str, length: usize) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{}\r\n",
            self.headers
        )
    }

    /// Sends a request's head, and returns once the service waits for the body: from then on the request is
    /// in flight.
    pub(crate) async fn begin_body(&mut self, method: &str, path: &str, length: usize) -> io::Result<()> {
        let headers = self.headers.clone();
        self.headers.push_str("expect: 100-continue\r\n");
        let begun = self.begin(method, path, length).await;
        self.headers = headers;
        begun?;
        let go_on = self.answer().await?;
        assert_eq!(go_on.status, 100, "{go_on:?}");
        Ok(())
    }

    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes()).await
    }

    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {first:?}")))?;
        let mut headers = HashMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        assert!(!headers.contains_key("transfer-encoding"), "chunked answers are not read here");
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        let body = String::from_utf8(body).map_err(io::Error::other)?;
        Ok(Answer { status, headers, body })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
