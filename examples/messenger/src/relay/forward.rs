//! `POST /v1/forward`: passes a message of one of its own users on to the relay of the card, which
//! then does not see where on the network the sender is.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use sealpush::contact::{Answer, Forward, paths};
use sealpush::transport::Transport;
use sealpush::{Error, ErrorKind};

use crate::app::App;
use crate::relay::messages::accept;
use crate::relay::refusal::{Refusal, octets};

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    let forward = Forward::from_octets(&body)?;
    let answer = if forward.relay == app.origin {
        accept(&app, &forward.request.to_octets()).await?
    } else {
        pass_on(&app, &forward).await?
    };
    Ok(octets(Bytes::copy_from_slice(&answer.to_octets())))
}

async fn pass_on(app: &App, forward: &Forward) -> sealpush::Result<Answer> {
    let request =
        sealpush::contact::post(&forward.relay, paths::MESSAGES, forward.request.to_octets());
    let response = app.transport.send(request).await;
    app.metrics.forwarded(response.is_ok());
    let response = response?;
    if !response.status().is_success() {
        // Whatever the other relay means by it, it is not the word of a relay.
        let fact = "the other relay did not take the message";
        return Err(Error::new(ErrorKind::Unavailable, fact));
    }
    Answer::from_octets(response.body())
}
