// Keeps a user agent's keys in IndexedDB, where a page and its service worker both find them. A
// non-extractable private key is stored as it is: what comes back can be used, not read.

const DATABASE = 'sealpush';
const STORE = 'receiver';

/** The keys of `generateKeys`, or `undefined` before the first `saveKeys`. */
export function loadKeys() {
  return request('readonly', (store) => store.get('keys'));
}

/** Keeps keys in place of the old ones: what was sealed for those cannot be opened any more. */
export function saveKeys(keys) {
  return request('readwrite', (store) => store.put(keys, 'keys'));
}

/**
 * Whether the worker shows what arrives unsealed, because the page's own `PushSubscription` is the
 * end of the encryption. Never with FCM or OneSignal: they hold the keys of their subscriptions,
 * so an unsealed message proves nothing about its sender.
 */
export async function loadPlain() {
  return (await request('readonly', (store) => store.get('plain'))) === true;
}

/** See `loadPlain`. */
export function savePlain(plain) {
  return request('readwrite', (store) => store.put(plain === true, 'plain'));
}

async function request(mode, ask) {
  const database = await new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
