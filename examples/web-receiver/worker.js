// The service worker: opens what arrives, shows it, and follows clicks. Nothing is shown for what
// does not open.

import { decodeBase64, open } from './seal.js';
import { clickTarget, parseNotification, unwrap } from './notification.js';
import { loadKeys, loadPlain } from './store.js';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('push', (event) => {
  // A push without a body carries nothing to show.
  if (event.data) {
    event.waitUntil(receive(event.data.text()));
  }
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const url = clickTarget(event.notification.data, event.action, self.registration.scope);
  if (url) {
    event.waitUntil(show(url));
  }
});

async function receive(message) {
  const plaintext = await openMessage(message);
  const notification =
    plaintext !== undefined && parseNotification(plaintext, self.registration.scope);
  if (!notification) {
    return;
  }
  await self.registration.showNotification(notification.title, notification.options);
  if (notification.appBadge !== undefined && 'setAppBadge' in navigator) {
    // A badge is an extra: a platform without one refuses here.
    await navigator.setAppBadge(notification.appBadge).catch(() => {});
  }
}

/** The plaintext, or `undefined` for what is not for us. */
async function openMessage(message) {
  const content = unwrap(message);
  if (content?.plain !== undefined) {
    return (await loadPlain()) ? content.plain : undefined;
  }
  const keys = content && (await loadKeys());
  if (!keys) {
    return undefined;
  }
  try {
    const octets = await open(keys, decodeBase64(content.sealed));
    return new TextDecoder('utf-8', { fatal: true }).decode(octets);
  } catch {
    // Every reason is the same to us, and none is worth a notification.
    return undefined;
  }
}

/** Brings the app's window to the page, or opens one. */
async function show(url) {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const same = windows.find((client) => client.url === url);
  return same ? same.focus() : self.clients.openWindow(url);
}
