// Sends through OneSignal's own library for Node.
import OneSignal from "@onesignal/node-onesignal";

import { given, ours } from "./given.mjs";

const configuration = OneSignal.createConfiguration({
  baseServer: new OneSignal.ServerConfiguration(given.base_url, {}),
  restApiKey: given.api_key,
});
const api = new OneSignal.DefaultApi(configuration);
const notification = (target) =>
  Object.assign(new OneSignal.Notification(), {
    app_id: given.app_id,
    contents: { en: "New message" },
    data: { e2ee: given.e2ee },
    ttl: 60,
    ...target,
  });

const sent = await api.createNotification(
  notification({ include_subscription_ids: [given.subscription_id] }),
);
const person = await api.createNotification(
  notification({ include_aliases: { external_id: ["user-7"] }, target_channel: "push" }),
);
const view = await api.getNotification(given.app_id, sent.id);
const cancelled = await api.cancelNotification(given.app_id, person.id);
const refused = await api
  .createNotification(notification({ include_subscription_ids: ["x"] }))
  .then(() => null, (error) => error.code);
ours({ sent: sent.id, person: person.id, view: view.id, cancelled: cancelled.success, refused });
