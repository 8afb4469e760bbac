// What two people compare to know that nobody stands between them.

import { ascii, sha256 } from './octets.js';

/**
 * Twelve groups of five digits, of the hashes of the first cards in either order.
 *
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export async function safetyNumber(a, b) {
  const at = a.findIndex((octet, place) => octet !== b[place]);
  const [low, high] = at < 0 || a[at] < b[at] ? [a, b] : [b, a];
  const hash = await sha256(ascii('sealpush/v1/safety\0'), low, high);
  const groups = [];
  for (let place = 0; place < 30; place += 5) {
    const bits = hash.slice(place, place + 5).reduce((bits, octet) => bits * 256 + octet, 0);
    groups.push(Math.floor(bits / 2 ** 20) % 100_000, (bits % 2 ** 20) % 100_000);
  }
  return groups.map((group) => String(group).padStart(5, '0')).join(' ');
}
