// What arrives: 16 octets by which a device finds its slot, then the sealed message. And what
// leaves: a request.

import { open } from '../../../web-receiver/seal.js';
import { CLASSES } from './card.js';
import { FormatError, Reader, ascii, concat, hmac, random, same, sha256 } from './octets.js';

const HINT_LENGTH = 16;
const CONTEXT = ascii('sealpush/v1/hint\0');
const RECORD_SIZE = 4096;
const VERSION = 1;

/**
 * A request to a relay.
 *
 * @param {number} delay class 0 to 4
 * @param {Uint8Array} address
 * @param {Uint8Array} sealed
 */
export function encodeRequest(delay, address, sealed) {
  return concat([VERSION, delay], address, sealed);
}

/** What a relay answers to a request. @param {Uint8Array} octets */
export function decodeAnswer(octets) {
  const reader = new Reader(octets);
  const [version, word] = reader.take(2);
  const seconds = reader.number(4);
  reader.end();
  const name = [undefined, 'accepted', 'kept', 'slow-down', 'too-large', 'gone'][word];
  if (version !== VERSION || !name || (word !== 3 && seconds !== 0)) {
    throw new FormatError('not an answer');
  }
  return { name, seconds };
}

/** @param {Uint8Array} slot @param {Uint8Array} sealed @param {Uint8Array} [r] 8 octets */
export async function makeHint(slot, sealed, r = random(8)) {
  const mac = await hmac(slot, CONTEXT, r, await sha256(sealed));
  return concat(r, mac.slice(0, 8));
}

/** @param {Uint8Array} carried @param {Uint8Array} slot */
export async function isFor(carried, slot) {
  const [hint, sealed] = [carried.slice(0, HINT_LENGTH), carried.slice(HINT_LENGTH)];
  return !isFromRelay(carried) && same(hint, await makeHint(slot, sealed, hint.slice(0, 8)));
}

/** @param {Uint8Array} carried */
export function isFromRelay(carried) {
  const hint = carried.slice(0, HINT_LENGTH);
  return carried.length > HINT_LENGTH && hint.every((octet) => octet === 0);
}

/**
 * Opens the message, strictly: one of three sizes and the record size of this version, which
 * nothing authenticates.
 *
 * @param {{privateKey: CryptoKey, publicKey: Uint8Array, auth: Uint8Array}} keys of the slot
 * @param {Uint8Array} carried
 */
export async function openCarried(keys, carried) {
  const sealed = carried.slice(HINT_LENGTH);
  const isSize = CLASSES.includes(sealed.length);
  if (!isSize || new DataView(sealed.buffer).getUint32(16) !== RECORD_SIZE) {
    throw new FormatError('not a message');
  }
  return open(keys, sealed);
}
