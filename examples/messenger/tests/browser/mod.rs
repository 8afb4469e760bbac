//! HTTP as a browser speaks it, without the limits of a transport: the relay's answers to a device
//! are longer than what a push service says.

use bytes::Bytes;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on a connection of its own.
pub(crate) async fn exchange(request: Request<Bytes>) -> Response<Bytes> {
    let authority = request.uri().authority().unwrap().as_str();
    let mut stream = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).await.unwrap();
    let (method, path, body) = (request.method(), request.uri().path(), request.body());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // A request that is too large is refused while it is still being written.
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).await.unwrap();
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&octets[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut response = Response::builder().status(lines.next().unwrap().split(' ').nth(1).unwrap());
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        response = response.header(name, value);
    }
    let body = Bytes::copy_from_slice(&octets[end + 4..]);
    if let Some(length) = response.headers_ref().unwrap().get("content-length") {
        assert_eq!(length.to_str().unwrap().parse(), Ok(body.len()), "the answer is whole");
    }
    response.body(body).unwrap()
}
