//! The transport where the caller brings none.

use std::sync::Arc;

use crate::transport::{HyperTransport, Transport};
use crate::{EndpointGuard, Result};

pub(super) fn with_guard(guard: EndpointGuard, http2_only: bool) -> Result<Arc<dyn Transport>> {
    let builder = HyperTransport::builder().guard(guard);
    let builder = if http2_only { builder.http2_prior_knowledge() } else { builder };
    Ok(Arc::new(builder.build()?))
}
