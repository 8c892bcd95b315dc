//! An HTTP service that takes JSON, gives JSON, and does nothing; client and service share the machine, as in the
//! measurements of Taskward.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::routing::post;
use axum::{Json, Router};
use bench_driver::payload;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Run;

pub(crate) async fn measure(run: &Run) -> Result<(usize, Duration)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = Router::new().route("/", post(async |Json(_): Json<Value>| Json(json!({"id": 1}))));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let start = Instant::now();
    let clients = (0..run.clients).map(|_| tokio::spawn(client(address, start, run.time)));
    let counts = try_join_all(clients).await?.into_iter().collect::<Result<Vec<_>>>()?;
    Ok((counts.iter().sum(), start.elapsed()))
}

/// One request after the other on one connection.
async fn client(address: SocketAddr, start: Instant, time: Duration) -> Result<usize> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let body = payload(0.0).to_string();
    let length = body.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut answer = [0; 1024];
    let mut count = 0;
    while start.elapsed() < time {
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
        count += 1;
    }
    Ok(count)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"}") {
        let read = stream.read(buffer.get_mut(filled..).context("a long answer")?).await?;
        ensure!(read > 0, "the service hung up");
        filled += read;
    }
    ensure!(buffer.starts_with(b"HTTP/1.1 200"), "not a success");
    Ok(())
}
