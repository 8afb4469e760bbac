// Sends through Firebase's own library for Node. Its hosts are constants, so the connections are
// led to the double below it; what it writes is its own. It seals with http_ece.
import { createECDH, randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";

import { given, ours } from "./given.mjs";

const base = new URL(given.base_url);
https.request = (url, options, done) => {
  // Called with a URL and options, or with options alone.
  const asked = typeof url === "string" || url instanceof URL ? new URL(url) : null;
  if (asked === null) [options, done] = [url, options];
  const { agent, host, hostname, port, ...others } = options;
  const path = asked === null ? options.path : asked.pathname + asked.search;
  const headers = { ...options.headers, host: base.host };
  const own = { protocol: "http:", hostname: base.hostname, port: base.port, path, headers };
  return http.request({ ...others, ...own }, done);
};
const { initializeApp, cert } = await import("firebase-admin/app");
const { getMessaging } = await import("firebase-admin/messaging");
const { default: ece } = await import("http_ece");

const key = createECDH("prime256v1");
key.generateKeys();
const body = ece.encrypt(Buffer.from("sealed by http_ece"), {
  version: "aes128gcm",
  dh: given.keys.p256dh,
  privateKey: key,
  authSecret: given.keys.auth,
  salt: randomBytes(16).toString("base64url"),
});
const message = (target) => ({
  ...target,
  data: { e2ee: body.toString("base64url") },
  android: {
    priority: "high",
    ttl: 3500,
    collapseKey: "door",
    notification: {
      title: "t",
      color: "#a0b1c2",
      priority: "high",
      visibility: "private",
      vibrateTimingsMillis: [500],
      eventTimestamp: new Date(Date.UTC(2027, 0, 15)),
      lightSettings: { color: "#a0b1c2", lightOnDurationMillis: 500, lightOffDurationMillis: 500 },
    },
  },
  apns: { headers: { "apns-priority": "10" }, payload: { aps: { alert: "t", mutableContent: true } } },
  webpush: { headers: { TTL: "60" }, fcmOptions: { link: "https://example.com/" } },
  fcmOptions: { analyticsLabel: "label" },
});

// Google's token endpoint is a constant, too: the key file's own is not looked at.
const messaging = getMessaging(initializeApp({ credential: cert(given.service_account) }));
// Over HTTP/2 it writes `:scheme` as "https:", with the colon, which RFC 9113 §8.3.1 does not allow.
messaging.enableLegacyHttpTransport();
const refusal = (target) => messaging.send(message(target)).then(() => null, (error) => error.code);
const many = await messaging.sendEach([message({ token: given.token }), message({ token: given.unknown })]);
ours({
  sent: await messaging.send(message({ token: given.token })),
  to_topic: await messaging.send(message({ topic: "news" })),
  dry_run: await messaging.send(message({ token: given.token }), true),
  many: many.responses.map((answer) => answer.success),
  unknown: await refusal({ token: given.unknown }),
  foreign: await refusal({ token: given.foreign }),
  malformed: await refusal({ token: "no-token" }),
});
