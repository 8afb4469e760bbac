// npm's web-push at one task; the work is JSON on standard input.
import { createECDH } from "node:crypto";
import { readFileSync } from "node:fs";
import ece from "http_ece";
import webpush from "web-push";

const work = JSON.parse(readFileSync(0, "utf8"));
const cached = process.argv[2].endsWith("-cached");
const { p256dh, auth, private_key: privateKey, vapid } = work.place;
const subscription = { endpoint: work.endpoint, keys: { p256dh, auth } };

const vapidPair = createECDH("prime256v1");
vapidPair.setPrivateKey(Buffer.from(vapid, "base64url"));
const vapidDetails = {
  subject: "mailto:bench@push-bench.net",
  publicKey: vapidPair.getPublicKey("base64url"),
  privateKey: vapid,
};
const options = { TTL: 86400, contentEncoding: "aes128gcm", vapidDetails };
if (cached) {
  const audience = new URL(work.endpoint).origin;
  const headers = webpush.getVapidHeaders(
    audience, vapidDetails.subject, vapidDetails.publicKey, vapid, "aes128gcm");
  delete options.vapidDetails;
  options.headers = headers;
}

const once = {
  Seal: () => webpush.encrypt(p256dh, auth, work.text, "aes128gcm").cipherText.toString("base64url"),
  Request: () => webpush.generateRequestDetails(subscription, work.text, options).endpoint,
  Open: () => {
    const receiver = createECDH("prime256v1");
    receiver.setPrivateKey(Buffer.from(privateKey, "base64url"));
    const body = Buffer.from(work.body, "base64url");
    return ece.decrypt(body, { version: "aes128gcm", privateKey: receiver, authSecret: auth })
      .toString("utf8");
  },
}[work.task];

if (once && work.count === 1) {
  print(once());
} else if (once) {
  for (let n = 0; n < work.warm_up; n++) once();
  const stop = meter();
  for (let n = 0; n < work.count; n++) once();
  print(stop(work.count, 0));
} else {
  await many(work.warm_up);
  const stop = meter();
  const accepted = await many(work.count);
  print(stop(accepted, work.count - accepted));
}
process.exit(0);

async function many(count) {
  let left = count;
  let accepted = 0;
  const worker = async () => {
    while (left-- > 0) {
      try {
        await webpush.sendNotification(subscription, work.text, options);
        accepted += 1;
      } catch { /* counted as failed */ }
    }
  };
  await Promise.all(Array.from({ length: work.in_flight }, worker));
  return accepted;
}

function meter() {
  const started = performance.now();
  const cpu = process.cpuUsage();
  return (accepted, failed) => {
    const used = process.cpuUsage(cpu);
    const messages = accepted + failed;
    return {
      cpu: (used.user + used.system) / messages,
      rate: messages / ((performance.now() - started) / 1000),
      peak: process.resourceUsage().maxRSS / 1024,
      accepted,
      failed,
    };
  };
}

function print(answer) {
  process.stdout.write(JSON.stringify(answer));
}
