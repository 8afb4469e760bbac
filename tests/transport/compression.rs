//! What HTTP/2 remembers of a request (RFC 7541).

use bytes::Bytes;
use http::{HeaderValue, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::support::transports::{BOTH, Settings};

/// The compression table is shared by all requests on a connection: what is in it can be guessed
/// through the lengths of others (RFC 7541 §7.1). What repeats and is no secret belongs into it.
#[tokio::test]
async fn neither_path_nor_credentials_enter_the_compression_table() {
    for kind in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let transport = Settings::loopback().http2().build(kind);
        let sending = async {
            for _ in 0..3 {
                let mut credential = HeaderValue::from_static("vapid t=a.b.c, k=d");
                credential.set_sensitive(true);
                let request = Request::post(format!("http://{address}/w/secret?t=secret"))
                    .header("authorization", credential)
                    .header("content-encoding", "aes128gcm")
                    .header("ttl", "60")
                    .body(Bytes::from_static(b"sealed"))
                    .unwrap();
                assert_eq!(transport.send(request).await.unwrap().status(), 204);
            }
        };
        let ((), blocks) = tokio::join!(sending, field_blocks(&listener, 3));
        for block in &blocks {
            let fields = representations(block);
            let of = |index| fields.iter().find(|field| field.1 == index).unwrap().0;
            assert_eq!(of(STATIC_PATH), Form::NotIndexed, "{kind}");
            assert_eq!(of(STATIC_AUTHORIZATION), Form::NeverIndexed, "{kind}");
        }
        // All else is one octet each from the second request on, but for the length.
        let literal = |block: &Vec<u8>| {
            representations(block).iter().filter(|field| field.0 != Form::Indexed).count()
        };
        assert!(literal(&blocks[0]) > 3, "{kind}");
        assert_eq!(blocks[1..].iter().map(literal).collect::<Vec<_>>(), [3, 3], "{kind}");
    }
}

/// How a field is written (RFC 7541 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Indexed,
    /// Enters the table.
    Incremental,
    NotIndexed,
    NeverIndexed,
}

/// Every field of a block: its form, and the index of the field or of its name, 0 for none.
fn representations(block: &[u8]) -> Vec<(Form, usize)> {
    let (mut rest, mut fields) = (block, Vec::new());
    while let Some(&first) = rest.first() {
        let (form, prefix) = match first {
            0x80.. => (Form::Indexed, 7),
            0x40.. => (Form::Incremental, 6),
            0x20.. => {
                integer(&mut rest, 5);
                continue;
            }
            0x10.. => (Form::NeverIndexed, 4),
            _ => (Form::NotIndexed, 4),
        };
        let index = integer(&mut rest, prefix);
        if form != Form::Indexed {
            for _ in 0..if index == 0 { 2 } else { 1 } {
                let length = integer(&mut rest, 7);
                rest = &rest[length..];
            }
        }
        fields.push((form, index));
    }
    fields
}

/// An integer with a prefix of some bits (RFC 7541 §5.1).
fn integer(octets: &mut &[u8], prefix: u32) -> usize {
    let mut next = || {
        let (&first, rest) = octets.split_first().unwrap();
        *octets = rest;
        usize::from(first)
    };
    let most = (1 << prefix) - 1;
    let mut value = next() & most;
    if value == most {
        for shift in (0..).step_by(7) {
            let octet = next();
            value += (octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                break;
            }
        }
    }
    value
}

/// Answers requests over HTTP/2 with 204; their field blocks as they came.
async fn field_blocks(listener: &TcpListener, requests: usize) -> Vec<Vec<u8>> {
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_exact(&mut [0; 24]).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut blocks = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, flags, id) = (head[3], head[4], &head[5..]);
        match (kind, flags) {
            (HEADERS, _) => {
                // The block is whole, without padding and priority.
                assert_eq!(flags & !END_STREAM, END_HEADERS);
                blocks.push(payload);
            }
            (DATA, END_STREAM) => {
                let mut answer = vec![0, 0, 1, HEADERS, END_HEADERS | END_STREAM];
                answer.extend_from_slice(id);
                answer.push(0x80 | STATIC_204);
                stream.write_all(&answer).await.unwrap();
                if blocks.len() == requests {
                    return blocks;
                }
            }
            _ => {}
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Indices in the static table (RFC 7541 appendix A).
const STATIC_PATH: usize = 4;
const STATIC_204: u8 = 9;
const STATIC_AUTHORIZATION: usize = 23;
