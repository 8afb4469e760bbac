//! Key files of Google's.

use sealpush::ErrorKind;
use sealpush::providers::google::{AuthorizedUser, ServiceAccount};

use super::assert_tells_nothing;

/// A key file, read as a service account's and as a login's.
pub fn google_key_file(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let read =
        [ServiceAccount::from_json(text).map(drop), AuthorizedUser::from_json(text).map(drop)];
    for error in read.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_tells_nothing(&error, text);
    }
}
