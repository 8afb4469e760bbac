//! Serves a folder of the package on a port of its own, over plain HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// Imported by the service worker before its own code.
const PROBE: &str = include_str!("probe.js");

/// Starts to serve and returns the origin, `http://localhost:PORT`: browsers take it for secure.
/// The thread ends with the process.
pub(crate) fn serve(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser opens connections that it does not use; none may hold up the others.
            let folder = folder.clone();
            std::thread::spawn(move || answer(&stream, &folder));
        }
    });
    origin
}

fn answer(mut stream: &TcpStream, folder: &Path) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
    let path = request.strip_prefix("GET /")?.split([' ', '?']).next()?;
    let file = folder.join(if path.is_empty() { "index.html" } else { path });
    let (status, body) = match (path, fs::read(&file)) {
        ("probe.js", _) => ("200 OK", PROBE.into()),
        ("worker.js", Ok(worker)) => ("200 OK", [&b"import './probe.js';\n"[..], &worker].concat()),
        (_, Ok(body)) if !path.contains("..") => ("200 OK", body),
        _ => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        media_type(&file),
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "application/octet-stream",
    }
}
