//! A proxy that cuts the first connections after the request has reached the service.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Forwards connections; the answers on the first ones are lost.
pub(crate) struct CuttingProxy {
    url: String,
    cut: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// A proxy before the service at `url`, that loses the answers of `cuts` connections.
    pub(crate) fn start(url: &str, cuts: usize) -> Self {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = format!("http://{}", listener.local_addr().expect("an address"));
        let cut = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&cut);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let service = TcpStream::connect(&target).expect("the service");
                let lose = counter.load(Ordering::SeqCst) < cuts;
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || forward(client, service, lose, &counter));
            }
        });
        Self { url: own, cut }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }
}

fn forward(client: TcpStream, service: TcpStream, lose: bool, lost: &AtomicUsize) {
    let (mut from, mut to) = (client.try_clone().expect("clone"), service.try_clone().expect("clone"));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
    });
    let (mut from, mut to) = (service, client);
    if lose {
        // The first byte of the answer proves that the service has done its work.
        let _ = from.read(&mut [0; 1]);
        lost.fetch_add(1, Ordering::SeqCst);
        let _ = to.shutdown(Shutdown::Both);
        return;
    }
    let mut chunk = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
