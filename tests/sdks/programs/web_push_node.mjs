// Sends through npm's web-push. Its `sendNotification` speaks TLS whatever the endpoint says, so
// the request that it makes is posted here.
import webPush from "web-push";

import { given, ours } from "./given.mjs";

async function post(vapid, payload) {
  const options = { vapidDetails: vapid, TTL: 60, urgency: "high", topic: "door" };
  const request = webPush.generateRequestDetails(given.subscription, payload, options);
  const { endpoint, method, headers, body } = request;
  delete headers["Content-Length"];
  const answer = await fetch(endpoint, { method, headers, body });
  return { status: answer.status, location: answer.headers.get("location") };
}

const subject = "mailto:ops@push-demo.dev";
const other = webPush.generateVAPIDKeys();
ours({
  sent: await post({ subject, ...given.vapid }, given.payload),
  bare: await post({ subject, ...given.vapid }, null),
  stranger: await post({ subject, ...other }, given.payload),
});
