//! `examples/web-receiver` in the browser, with keys and a token made on its page.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::providers::fcm;
use sealpush::{Token, UserAgentSecret};
use serde_json::{Value, json};

use super::driver::Browser;
use super::site;

pub(crate) struct Receiver {
    pub(crate) browser: Browser,
    pub(crate) origin: String,
    /// What the page gave for the sender.
    pub(crate) token: Token,
    delivered: Cell<u32>,
}

impl Receiver {
    /// Opens the page, makes keys and a token as a person would. `None` without a browser.
    pub(crate) fn start() -> Option<Self> {
        let browser = Browser::start()?;
        let origin = site::serve("examples/web-receiver");
        browser.open(&origin);
        browser.run(
            "const element = (id) => document.getElementById(id);
             const until = async (holds) => {
               while (!holds()) await new Promise(requestAnimationFrame);
             };
             window.done = 0;
             window.probe = new BroadcastChannel('probe');
             window.probe.onmessage = ({ data }) => {
               if (data === 'done') window.done += 1;
               else window.opened = data.opened;
             };
             // What DevTools push to a worker that is still activating is lost at times.
             const { active } = await navigator.serviceWorker.ready;
             await until(() => active.state === 'activated');
             await until(() => !element('make-keys').disabled);
             element('make-keys').click();
             await until(() => !element('make-token').disabled);",
            &Value::Null,
        );
        let token = make_token(&browser, "fcm", "registration:token");
        assert!(fcm::Address::try_from(&token).is_ok());
        Some(Self { browser, origin, token, delivered: Cell::new(0) })
    }

    /// The token that the page makes for another address.
    pub(crate) fn token_for(&self, provider: &str, value: &str) -> Token {
        make_token(&self.browser, provider, value)
    }

    /// Puts the keys of a user agent in place of those that the page made, not extractable either.
    pub(crate) fn import_keys(&self, secret: &UserAgentSecret) {
        let [_, point @ ..] = secret.keys().public_octets();
        let (x, y) = point.split_at(32);
        let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        let d = encode(secret.expose_private_key().as_slice());
        let jwk = json!({"kty": "EC", "crv": "P-256", "d": d, "x": encode(x), "y": encode(y)});
        self.browser.run(
            "const { decodeBase64url } = await import('/seal.js');
             const { saveKeys } = await import('/store.js');
             const curve = { name: 'ECDH', namedCurve: 'P-256' };
             const { jwk, keys } = argument;
             await saveKeys({
               privateKey: await crypto.subtle.importKey('jwk', jwk, curve, false, ['deriveBits']),
               publicKey: decodeBase64url(keys.p256dh),
               auth: decodeBase64url(keys.auth),
             });",
            &json!({"jwk": jwk, "keys": secret.keys()}),
        );
    }

    /// Delivers a push message to the service worker and waits until it is done with it.
    pub(crate) fn push(&self, message: &str) {
        self.push_all(&[message]);
    }

    /// Delivers push messages at once and waits until the service worker is done with them.
    pub(crate) fn push_all(&self, messages: &[&str]) {
        for message in messages {
            self.browser.push(&self.origin, message);
            self.delivered.set(self.delivered.get() + 1);
        }
        self.browser.run(
            "while (window.done < argument) await new Promise(requestAnimationFrame);",
            &json!(self.delivered.get()),
        );
    }

    /// Delivers a push message while no page of the app is open, opens the page again, and returns
    /// once something is shown.
    pub(crate) fn push_unseen(&self, message: &str) {
        self.browser.leave();
        self.browser.push(&self.origin, message);
        self.browser.open(&self.origin);
        self.run(
            "const registration = await navigator.serviceWorker.ready;
             while ((await registration.getNotifications()).length === 0) {
               await new Promise(requestAnimationFrame);
             }",
        );
    }

    /// Takes every notification off the screen.
    pub(crate) fn clear(&self) {
        self.run(
            "const registration = await navigator.serviceWorker.ready;
             for (const shown of await registration.getNotifications()) shown.close();",
        );
    }

    /// Runs the body of an async function in the page.
    pub(crate) fn run(&self, body: &str) -> Value {
        self.browser.run(body, &Value::Null)
    }

    /// Stops the service worker, as browsers do after half a minute.
    pub(crate) fn stop_worker(&self) {
        self.browser.devtools("ServiceWorker.enable", &json!({}));
        self.browser.devtools("ServiceWorker.stopAllWorkers", &json!({}));
    }

    /// Clicks on a notification, or on its button of the name `action` if that is not empty, and
    /// returns the page that the service worker opens.
    pub(crate) fn click(&self, title: &str, action: &str) -> Value {
        self.browser.run(
            "window.opened = undefined;
             window.probe.postMessage(argument);
             while (window.opened === undefined) await new Promise(requestAnimationFrame);
             return window.opened;",
            &json!({"title": title, "action": action}),
        )
    }

    /// The notifications on the screen, by title.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let shown = self.run(
            "const registration = await navigator.serviceWorker.ready;
             const list = await registration.getNotifications();
             list.sort((a, b) => a.title.localeCompare(b.title));
             return list.map(({ title, body, tag, actions, data }) => ({
               title, body, tag, data,
               actions: actions.map(({ action, title }) => ({ action, title })),
             }));",
        );
        shown.as_array().unwrap().clone()
    }

    /// Their titles, in order.
    pub(crate) fn titles(&self) -> Vec<String> {
        self.shown().iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect()
    }
}

/// Fills in the page's form.
fn make_token(browser: &Browser, provider: &str, value: &str) -> Token {
    let token = browser.run(
        "const element = (id) => document.getElementById(id);
         document.querySelector(`[name=provider][value=${argument.provider}]`).click();
         element('value').value = argument.value;
         element('token').value = '';
         element('make-token').click();
         while (element('token').value === '') await new Promise(requestAnimationFrame);
         return element('token').value;",
        &json!({"provider": provider, "value": value}),
    );
    token.as_str().unwrap().parse().unwrap()
}
