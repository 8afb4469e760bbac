//! `web-push` of crates.io, with both of its clients.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use web_push::{
    ContentEncoding, HyperWebPushClient, IsahcWebPushClient, SubscriptionInfo, Urgency,
    VapidSignature, VapidSignatureBuilder, WebPushClient, WebPushMessage, WebPushMessageBuilder,
};

use super::{Answer, repeat, send_all};
use crate::task::{Task, Work};

pub fn isahc(work: &Work, cached: bool) -> Answer {
    let client = IsahcWebPushClient::new().expect("libcurl starts");
    run(work, cached, client)
}

pub fn hyper(work: &Work, cached: bool) -> Answer {
    run(work, cached, HyperWebPushClient::new())
}

fn run(
    work: &Work,
    cached: bool,
    client: impl WebPushClient + Clone + Send + Sync + 'static,
) -> Answer {
    let place = &work.place;
    let subscription = SubscriptionInfo::new(&work.endpoint, &place.p256dh, &place.auth);
    match work.task {
        Task::Seal => repeat(work, || {
            let message = message(&subscription, &work.text, None);
            BASE64URL.encode(message.payload.expect("it has a payload").content)
        }),
        Task::Request => repeat(work, || {
            let signature = signature(&subscription, &place.vapid);
            let message = message(&subscription, &work.text, Some(signature));
            BASE64URL.encode(message.payload.expect("it has a payload").content)
        }),
        _ => {
            let kept = cached.then(|| signature(&subscription, &place.vapid));
            let shared = Arc::new((client, subscription, kept, work.clone()));
            send_all(work, move || {
                let shared = Arc::clone(&shared);
                async move {
                    let (client, subscription, kept, work) = &*shared;
                    let signature = match kept {
                        Some(kept) => kept.clone(),
                        None => signature(subscription, &work.place.vapid),
                    };
                    let message = message(subscription, &work.text, Some(signature));
                    client.send(message).await.is_ok()
                }
            })
        }
    }
}

fn signature(subscription: &SubscriptionInfo, key: &str) -> VapidSignature {
    let mut builder =
        VapidSignatureBuilder::from_base64(key, subscription).expect("the key is one");
    builder.add_claim("sub", "mailto:bench@push-bench.net");
    builder.build().expect("it signs")
}

fn message(
    subscription: &SubscriptionInfo,
    text: &str,
    signature: Option<VapidSignature>,
) -> WebPushMessage {
    let mut builder = WebPushMessageBuilder::new(subscription);
    builder.set_ttl(86_400);
    builder.set_urgency(Urgency::Normal);
    builder.set_payload(ContentEncoding::Aes128Gcm, text.as_bytes());
    if let Some(signature) = signature {
        builder.set_vapid_signature(signature);
    }
    builder.build().expect("it seals")
}
