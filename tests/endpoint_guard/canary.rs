//! A listener on loopback that must stay silent.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Listens on IPv4 and, where the machine has it, on IPv6; on a port of its own and, where it may,
/// on the ports of `https` and `http`. Counts connections.
pub(crate) struct Canary {
    port: u16,
    doors: Vec<SocketAddr>,
    peers: UnboundedReceiver<SocketAddr>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, peers) = unbounded_channel();
        let mut doors = vec![watch(listener, sender.clone())];
        for door in [
            format!("[::1]:{port}"),
            "127.0.0.1:443".to_owned(),
            "[::1]:443".to_owned(),
            "127.0.0.1:80".to_owned(),
            "[::1]:80".to_owned(),
        ] {
            if let Ok(listener) = TcpListener::bind(door).await {
                doors.push(watch(listener, sender.clone()));
            }
        }
        Self { port, doors, peers }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections have come in since the last call.
    ///
    /// It connects to every door itself: a listener's queue is in order, so whoever came before
    /// has been counted when our own connection is.
    pub(crate) async fn connections(&mut self) -> usize {
        let mut ours = Vec::new();
        for door in &self.doors {
            ours.push(TcpStream::connect(door).await.unwrap());
        }
        let mut awaited: Vec<_> = ours.iter().map(|ours| ours.local_addr().unwrap()).collect();
        let mut others = 0;
        while !awaited.is_empty() {
            let peer = self.peers.recv().await.unwrap();
            match awaited.iter().position(|ours| *ours == peer) {
                Some(found) => drop(awaited.swap_remove(found)),
                None => others += 1,
            }
        }
        others
    }
}

fn watch(listener: TcpListener, peers: UnboundedSender<SocketAddr>) -> SocketAddr {
    let door = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((_, peer)) = listener.accept().await {
            if peers.send(peer).is_err() {
                break;
            }
        }
    });
    door
}
