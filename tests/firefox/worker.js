// Reports what the browser opened. A push must lead to a visible notification, or the browser ends
// the subscription after some.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const value = event.data && {
    octets: Array.from(new Uint8Array(event.data.arrayBuffer())),
    text: event.data.text(),
  };
  const body = JSON.stringify({ kind: "pushed", value });
  event.waitUntil(
    Promise.all([
      fetch("/report", { method: "POST", body }),
      self.registration.showNotification("sealpush"),
    ]),
  );
});
