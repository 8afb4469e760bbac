//! `POST /v1/messages`: takes a message for an address. Whatever happens to it, the answer has one
//! size, so that nobody on the way learns from it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use sealpush::contact::Answer;
use sealpush::contact::relay::{Decision, Push};

use crate::app::App;
use crate::relay::refusal::{Refusal, octets};

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    let answer = accept(&app, &body).await?;
    Ok(octets(Bytes::copy_from_slice(&answer.to_octets())))
}

/// Takes a request, of a sender or of a device that this relay forwards for.
pub(super) async fn accept(app: &App, request: &[u8]) -> sealpush::Result<Answer> {
    let answer = match app.relay.accept(request).await? {
        Decision::Answer(answer) => answer,
        Decision::Later(later) => {
            app.store.delay(later.row(), later.due()).await?;
            Answer::Kept
        }
        Decision::Push(it) => push(app, *it).await,
        _ => Answer::SlowDown(std::time::Duration::from_secs(60)),
    };
    app.metrics.message(answer);
    Ok(answer)
}

/// Pushes, and says what the sender is to be told.
pub(crate) async fn push(app: &App, push: Push) -> Answer {
    let started = std::time::Instant::now();
    let outcome = app.client.send(&push.token, &push.message).await;
    app.metrics.push(&outcome, started.elapsed());
    if let Err(error) = &outcome {
        // The kind alone: the rest of an error may describe a push service that somebody chose.
        tracing::info!(kind = ?error.kind(), status = error.status(), "a push failed");
    }
    app.relay.answer(&outcome)
}
