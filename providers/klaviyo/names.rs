//! What a Klaviyo is told once: a metric, a revision of the API, the push tokens of devices.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result};

/// The name of the metric whose events start the flow: 1 to 128 characters, none of them a control
/// character. It is set up once, at Klaviyo, by a person. No secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metric(String);

impl Metric {
    /// Longest name, in characters.
    pub const MAX_LEN: usize = 128;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let count = text.chars().count();
        if (1..=Self::MAX_LEN).contains(&count) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(configuration("a Klaviyo metric has a name of 1 to 128 characters"))
        }
    }
}

/// A revision of Klaviyo's API: the date of its publication, such as `2026-10-15`. Klaviyo serves
/// each for two years.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision(HeaderValue);

impl Revision {
    pub(super) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl Default for Revision {
    /// The revision whose description this provider was written from.
    fn default() -> Self {
        Self(HeaderValue::from_static("2026-10-15"))
    }
}

impl FromStr for Revision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let good = text.len() == 10
            && text.bytes().enumerate().all(|(index, octet)| match index {
                4 | 7 => octet == b'-',
                _ => octet.is_ascii_digit(),
            });
        let refused = || configuration("a revision of Klaviyo's API is a date, YYYY-MM-DD");
        if !good {
            return Err(refused());
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| refused())
    }
}

/// What Apple or Google call an app installation, for [`Klaviyo::register`](super::Klaviyo).
#[derive(Clone)]
pub struct PushToken {
    platform: &'static str,
    vendor: &'static str,
    text: Zeroizing<String>,
}

impl PushToken {
    /// Longest token, in octets. Apple's and Google's are far shorter; the bound is this crate's.
    pub const MAX_LEN: usize = 4096;

    /// A registration token of Firebase Cloud Messaging on Android.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for a text that is empty, too long, or not printable ASCII without spaces.
    pub fn android(token: impl Into<String>) -> Result<Self> {
        Self::new("android", "fcm", token.into())
    }

    /// A device token of Apple's.
    ///
    /// # Errors
    ///
    /// As [`android`](Self::android).
    pub fn ios(token: impl Into<String>) -> Result<Self> {
        Self::new("ios", "apns", token.into())
    }

    /// The token.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Platform and vendor.
    pub(super) fn kind(&self) -> (&'static str, &'static str) {
        (self.platform, self.vendor)
    }

    fn new(platform: &'static str, vendor: &'static str, text: String) -> Result<Self> {
        let text = Zeroizing::new(text);
        let graphic = text.bytes().all(|octet| octet.is_ascii_graphic());
        if (1..=Self::MAX_LEN).contains(&text.len()) && graphic {
            Ok(Self { platform, vendor, text })
        } else {
            Err(Error::new(
                ErrorKind::InvalidToken,
                "a push token is 1 to 4096 printable ASCII characters without spaces",
            ))
        }
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushToken").field("platform", &self.platform).finish_non_exhaustive()
    }
}

fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
