// The service worker: opens what arrives, shows it, and follows clicks.
//
// Every push shows something. Safari ends the subscription after three that did not, Firefox after
// some sixteen, and Chrome puts a text of its own on the screen; so a push without a body, or one
// that does not open, shows a neutral notification, which repeats nothing of what came.

import { decodeBase64url, open } from './seal.js';
import { clickTarget, neutralNotification, parseNotification, unwrap } from './notification.js';
import { loadKeys, loadPlain } from './store.js';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('push', (event) => event.waitUntil(receive(event.data)));

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const url = clickTarget(event.notification.data, event.action, self.registration.scope);
  if (url) {
    event.waitUntil(show(url));
  }
});

async function receive(data) {
  const notification = data && (await readNotification(data.text()).catch(() => undefined));
  if (notification && (await present(notification))) {
    return;
  }
  // The person looks at the app: nothing was missed that the app does not show.
  if (!(mayStaySilent() && (await hasVisibleWindow()))) {
    await present(neutralNotification(self.registration.scope));
  }
}

/** What to show, or `undefined` for what is not for us: every reason is the same here. */
async function readNotification(message) {
  const plaintext = await openMessage(unwrap(message));
  return plaintext === undefined
    ? undefined
    : parseNotification(plaintext, self.registration.scope);
}

async function openMessage(content) {
  if (content?.plain !== undefined) {
    return (await loadPlain()) ? content.plain : undefined;
  }
  const keys = content && (await loadKeys());
  if (!keys) {
    return undefined;
  }
  const octets = await open(keys, decodeBase64url(content.sealed));
  return new TextDecoder('utf-8', { fatal: true }).decode(octets);
}

/** Whether the platform took it. */
async function present({ title, options, appBadge }) {
  try {
    await self.registration.showNotification(title, options);
  } catch {
    return false;
  }
  if (appBadge !== undefined && 'setAppBadge' in navigator) {
    // A badge is an extra: a platform without one refuses here.
    await navigator.setAppBadge(appBadge).catch(() => {});
  }
  return true;
}

/**
 * Whether this browser forgives silence while a window of the app is visible: Chromium's and
 * Firefox do, Safari counts those pushes, too.
 */
function mayStaySilent() {
  return 'userAgentData' in navigator || navigator.userAgent.includes('Firefox/');
}

async function hasVisibleWindow() {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  return windows.some((client) => client.visibilityState === 'visible');
}

/** Brings the app's window to the page, or opens one. */
async function show(url) {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const same = windows.find((client) => client.url === url);
  return same ? same.focus() : self.clients.openWindow(url);
}
