// The browser has opened the message by the time this runs (RFC 8291). Every push shows something,
// one without a body, too: browsers end a subscription whose pushes stay silent.
self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('push', (event) => {
  const body = event.data?.text() ?? 'A push without a text arrived.';
  event.waitUntil(self.registration.showNotification('sealpush', { body }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow('/'));
});
