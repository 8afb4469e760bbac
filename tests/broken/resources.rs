//! Providers of a push service whose tokens hold URLs, as those of Web Push do.

use bytes::Bytes;
use http::Request;
use sealpush::conformance::{Harness, amend};
use sealpush::{Error, ErrorKind, Result, SealedMessage, Token};
use serde_json::json;

use super::harness::Channels;
use super::sound::{Api, Conduct, ID, build, content};

/// Sends to what it makes of the URL.
#[derive(Debug)]
pub(crate) struct Resources(pub(crate) fn(&str) -> String);

impl Conduct for Resources {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let own = token.expose("resource").unwrap_or_default();
        let ours = own.strip_prefix(&api.base).is_some_and(|rest| rest.starts_with("/push/"));
        if !ours || own.contains('#') {
            return Err(Error::new(ErrorKind::InvalidToken, "no resource of this push service"));
        }
        build(&(self.0)(own), content(message).to_string().into())
    }
}

pub(crate) fn resources(conduct: fn() -> Resources) -> impl Harness {
    amend(Channels(conduct)).with_token(|_, vendor, name, keys| {
        let resource = format!("{}/push/{name}", vendor.url());
        Token::new(ID, &json!({ "resource": resource }), keys).unwrap()
    })
}

/// Seen in: URLs that are taken apart and put together.
pub(crate) fn encoded_anew() -> Resources {
    Resources(|own| own.replace("%2f", "%2F"))
}

/// Seen in: the path of a URL as all of it.
pub(crate) fn without_its_query() -> Resources {
    Resources(|own| own.split('?').next().unwrap_or_default().to_owned())
}

/// Seen in: paths that are tidied up.
pub(crate) fn without_empty_segments() -> Resources {
    Resources(|own| own.replace("//", "/").replacen(":/", "://", 1))
}

/// Seen in: URL libraries for browsers.
pub(crate) fn without_dots() -> Resources {
    Resources(|own| own.replace("/./", "/"))
}
