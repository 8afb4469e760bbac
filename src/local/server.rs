//! Accepts connections, HTTP/1.1 and HTTP/2 without TLS on one port, and owns every task of the
//! push service: when it is dropped, so are they.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::hub::Service;
use super::webpush as http;

/// Serves until `stop` changes, then lets the requests in flight finish.
pub(super) async fn run(
    listener: TcpListener,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let (sender, mut handed_over) = mpsc::unbounded_channel();
    let spawner = Spawner(sender);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection {
                        spawner: spawner.clone(),
                        closed: Arc::default(),
                        stop: stop.clone(),
                    };
                    tasks.spawn(serve(stream, Arc::clone(&service), connection));
                }
                // Out of file descriptors, most likely: others may end in the meantime.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(task) = handed_over.recv() => {
                tasks.spawn(task);
            }
            Some(_) = tasks.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    loop {
        tokio::select! {
            biased;
            Some(task) = handed_over.recv() => {
                tasks.spawn(task);
            }
            joined = tasks.join_next() => if joined.is_none() {
                return;
            },
        }
    }
}

/// What a request may do to its connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    spawner: Spawner,
    closed: Arc<Notify>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    /// Closes the connection, with every request on it.
    pub(super) fn close(&self) {
        self.closed.notify_one();
    }

    /// Runs a task that outlives the connection, but not the push service.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.execute(task);
    }

    /// Changes when the push service is to end.
    pub(super) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>, connection: Connection) {
    // Answers are small; waiting to fill a segment only adds latency.
    let _ = stream.set_nodelay(true);
    let server = auto::Builder::new(connection.spawner.clone());
    let mut stop = connection.stop();
    let closed = Arc::clone(&connection.closed);
    let mut exchange = pin!(server.serve_connection_with_upgrades(
        TokioIo::new(stream),
        service_fn(move |request| {
            http::serve(Arc::clone(&service), connection.clone(), request)
        }),
    ));
    loop {
        tokio::select! {
            // A connection that breaks is the peer's affair.
            _ = exchange.as_mut() => return,
            () = closed.notified() => return,
            Ok(()) = stop.changed() => exchange.as_mut().graceful_shutdown(),
        }
    }
}

/// Hands tasks over to [`run`], which owns them.
#[derive(Clone, Debug)]
struct Spawner(mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        // Fails only when the push service has ended, and then the task must not run.
        let _ = self.0.send(Box::pin(task));
    }
}
