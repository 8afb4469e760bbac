//! No transport is compiled in: the caller brings one, or is told so.

use std::sync::Arc;

use crate::transport::Transport;
use crate::{EndpointGuard, Error, ErrorKind, Result};

pub(super) fn with_guard(_: EndpointGuard, _: bool) -> Result<Arc<dyn Transport>> {
    Err(Error::new(
        ErrorKind::Configuration,
        "no transport is compiled in: enable the feature hyper, or set one with 'transport'",
    ))
}
