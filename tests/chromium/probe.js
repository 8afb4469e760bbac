// Runs in the service worker before its own code, in tests only: tells the page when the worker is
// done with a push event, also when nothing was shown, and clicks on notifications for it.

const channel = new BroadcastChannel('probe');

self.addEventListener('push', (event) => {
  const pending = [];
  event.waitUntil = (promise) => {
    pending.push(promise);
    ExtendableEvent.prototype.waitUntil.call(event, promise);
  };
  // A task of its own: after the worker's listener, which is called next.
  ExtendableEvent.prototype.waitUntil.call(event, new Promise((resolve) => {
    setTimeout(() => resolve(Promise.allSettled(pending).then(() => channel.postMessage('done'))));
  }));
});

// A browser opens windows for clicks of a person only; the test wants to know which.
self.clients.openWindow = async (url) => channel.postMessage({ opened: url });

channel.onmessage = async ({ data: { title, action } }) => {
  const shown = await self.registration.getNotifications();
  const notification = shown.find((it) => it.title === title);
  self.dispatchEvent(new NotificationEvent('notificationclick', { notification, action }));
};
