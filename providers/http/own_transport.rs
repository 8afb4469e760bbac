//! The transport where the caller brings none.

use std::sync::Arc;

use crate::transport::{HyperTransport, Transport};
use crate::{EndpointGuard, Result};

pub(super) fn with_guard(guard: EndpointGuard) -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(HyperTransport::builder().guard(guard).build()?))
}
