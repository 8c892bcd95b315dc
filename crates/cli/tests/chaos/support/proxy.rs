//! A network that can be cut.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is not.
    No,
    /// What is sent arrives when it is whole again.
    Stalls,
    /// Connections are reset, and new ones too.
    Resets,
    /// What is sent is lost, and a connection that lost something stays dead. New ones get no answer.
    Swallows,
}

/// A port that leads to a server as long as the network is whole.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: watch::Sender<Cut>,
}

impl Proxy {
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (cut, cuts) = watch::channel(Cut::No);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cuts = cuts.clone();
                tokio::spawn(async move {
                    // A connection that breaks is what this is about.
                    let _ = carry(client, target, cuts).await;
                });
            }
        });
        Self { port, cut }
    }

    pub(crate) fn set(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }
}

async fn carry(client: TcpStream, target: u16, mut cuts: watch::Receiver<Cut>) -> io::Result<()> {
    client.set_zero_linger()?;
    if *cuts.borrow() == Cut::Resets {
        return Ok(());
    }
    // A connection that is opened meanwhile hangs, in one case for good.
    let swallowed = *cuts.borrow() == Cut::Swallows;
    let _ = cuts.wait_for(|cut| *cut == Cut::No).await;
    if swallowed {
        std::future::pending::<()>().await;
    }
    let server = TcpStream::connect(("127.0.0.1", target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.set_zero_linger()?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut resets = cuts.clone();
    let reset = async {
        let _ = resets.wait_for(|cut| *cut == Cut::Resets).await;
    };
    tokio::select! {
        ended = pump(from_client, to_server, cuts.clone()) => ended,
        ended = pump(from_server, to_client, cuts) => ended,
        () = reset => Ok(()),
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut cuts: watch::Receiver<Cut>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if *cuts.borrow() == Cut::Swallows {
            swallow(&mut from, &mut buffer).await?;
        }
        let _ = cuts.wait_for(|cut| *cut == Cut::No).await;
        to.write_all(&buffer[..read]).await?;
    }
}

/// For as long as the other side goes on.
async fn swallow(from: &mut OwnedReadHalf, buffer: &mut [u8]) -> io::Result<()> {
    while from.read(buffer).await? > 0 {}
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(())
}
