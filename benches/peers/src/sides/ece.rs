//! Mozilla's `ece`, with OpenSSL.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;

use super::{Answer, repeat};
use crate::task::{Task, Work};

pub fn run(work: &Work) -> Answer {
    let decode = |text: &str| BASE64URL.decode(text).expect("it is base64url");
    let (public_key, auth) = (decode(&work.place.p256dh), decode(&work.place.auth));
    match work.task {
        Task::Seal => repeat(work, || {
            BASE64URL
                .encode(ece::encrypt(&public_key, &auth, work.text.as_bytes()).expect("it seals"))
        }),
        Task::Open => {
            let key = ece::EcKeyComponents::new(decode(&work.place.private_key), public_key);
            let body = decode(&work.body);
            repeat(work, || text(ece::decrypt(&key, &auth, &body).expect("it opens")))
        }
        task => unreachable!("{task:?} is not for it"),
    }
}

fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).expect("the text is UTF-8")
}
