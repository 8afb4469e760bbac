// The browser has opened the message by the time this runs (RFC 8291).
self.addEventListener('push', (event) => {
  const text = event.data?.text() ?? '(a push without a body)';
  event.waitUntil(self.registration.showNotification('sealpush', { body: text }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow('/'));
});
