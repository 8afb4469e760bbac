// Each message once: the latest 1,024 of a sender, and a floor below which nothing is told apart.

const CAPACITY = 1024;

/**
 * @typedef {{floor: number, accepted: [number, string][]}} Window what orders a message (sequence,
 *   or time), and its id; sorted. A plain value, so that IndexedDB keeps it.
 */

/** @returns {Window} */
export function newWindow() {
  return { floor: 0, accepted: [] };
}

/** @param {Window} window @param {string} id @param {number} order */
export function freshness(window, id, order) {
  if (window.accepted.some(([, known]) => known === id)) {
    return 'duplicate';
  }
  return order <= window.floor ? 'stale' : 'fresh';
}

/**
 * Remembers a message that is fresh.
 *
 * @param {Window} window
 * @param {string} id
 * @param {number} order
 */
export function accept(window, id, order) {
  const place = window.accepted.findIndex(([other]) => other > order);
  window.accepted.splice(place < 0 ? window.accepted.length : place, 0, [order, id]);
  while (window.accepted.length > CAPACITY) {
    const [evicted] = /** @type {[number, string]} */ (window.accepted.shift());
    window.floor = Math.max(window.floor, evicted);
  }
}
