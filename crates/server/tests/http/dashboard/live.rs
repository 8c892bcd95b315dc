//! Streams of pages that stay up to date.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::support::{Backend, TestServer, text, within};

/// A stream, read line by line.
pub(super) struct Live(Lines<BufReader<TcpStream>>);

impl Live {
    async fn open(server: &TestServer, path: &str) -> Self {
        Self::open_as(server, path, "").await
    }

    /// Opens it with a cookie.
    pub(super) async fn open_as(server: &TestServer, path: &str, cookie: &str) -> Self {
        let mut socket = TcpStream::connect(server.address).await.expect("a connection");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\naccept: text/event-stream\r\ncookie: {cookie}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.expect("sent");
        Self(BufReader::new(socket).lines())
    }

    /// The answer's first line.
    pub(super) async fn status(&mut self) -> String {
        within("the head", self.0.next_line()).await.expect("readable").expect("a line")
    }

    /// The next event's regions, or nothing at the end of the stream.
    pub(super) async fn regions(&mut self) -> Option<Value> {
        loop {
            let line = within("an event", self.0.next_line()).await.ok().flatten()?;
            // The last chunk: the connection may stay open for another request.
            if line == "0" {
                return None;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).expect("JSON");
                return Some(event["regions"].clone());
            }
        }
    }
}

#[tokio::test]
async fn regions_come_whole_and_then_when_they_change() {
    let server = Backend::Sqlite.serve().await;
    server.create(&json!({"kind": "k", "queue": "<q>"})).await;
    let mut live = Live::open(&server, "/live/queues").await;
    let first = live.regions().await.expect("an event");
    assert!(text(&first["queues"]).contains("&lt;q&gt;"), "{first}");
    server.create(&json!({"kind": "k", "queue": "second"})).await;
    let next = live.regions().await.expect("an event");
    assert!(text(&next["queues"]).contains("second"), "{next}");
    for path in ["/live/overview", "/live/workers", "/live/instances", "/live/alerts"] {
        let regions = Live::open(&server, path).await.regions().await.expect("an event");
        assert!(regions.as_object().is_some_and(|regions| regions.len() > 1), "{path}");
        assert_eq!(regions["firing-count"], "", "nothing fires: {path}");
    }
    let id = server.create(&json!({"kind": "k"})).await["id"].clone();
    let mut task = Live::open(&server, &format!("/live/tasks/{}", text(&id))).await;
    assert!(text(&task.regions().await.expect("an event")["task"]).contains("state-available"));
}

#[tokio::test]
async fn streams_are_few_and_end_with_the_drain() {
    let mut server = Backend::Sqlite.serve().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = Live::open(&server, "/live/workers").await;
        stream.regions().await.expect("an event");
        streams.push(stream);
    }
    let refused = server.get("/live/workers").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    let mut again = Live::open(&server, "/live/workers").await;
    assert!(again.status().await.contains("503"));
    let started = tokio::time::Instant::now();
    server.begin_drain();
    for stream in &mut streams {
        while stream.regions().await.is_some() {}
    }
    server.ended().await.expect("drained, for all that pages were open");
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
