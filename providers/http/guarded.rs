//! A guard in front of a transport that has none.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::endpoint::Endpoint;
use crate::transport::Transport;
use crate::{EndpointGuard, Result};

/// Looks at the URL of every request. What a name resolves to only the transport sees.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: EndpointGuard,
    transport: Arc<dyn Transport>,
}

impl Guarded {
    pub(super) fn new(guard: EndpointGuard, transport: Arc<dyn Transport>) -> Self {
        Self { guard, transport }
    }
}

#[async_trait]
impl Transport for Guarded {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        match request.extensions().get::<Endpoint>() {
            Some(endpoint) => self.guard.check_endpoint(endpoint)?,
            None => self.guard.check(&request.uri().to_string())?,
        }
        self.transport.send(request).await
    }
}
