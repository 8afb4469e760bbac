// The card: what a device gives to one contact. The octets are those of the module `contact`.

import {
  FormatError,
  Reader,
  ascii,
  big,
  concat,
  decodeBase64url,
  encodeBase64url,
  sha256,
} from './octets.js';
import { isOrigin, originUrl } from './origin.js';

export const ADDRESS_LENGTH = 669;
/** Seconds. */
export const DAY = 86_400;
/** Octets of a sealed message, by class. */
export const CLASSES = [512, 1500, 2600];
/** By how much clocks may differ, in seconds. */
export const SKEW = 26 * 3600;
const VERSION = 1;
const MAX_LINK = 4096;

/**
 * @typedef {object} Card
 * @property {boolean} isPublic many people have it
 * @property {boolean} takesUnsigned
 * @property {number} largest 0, 1 or 2: an index into `CLASSES`
 * @property {number} notAfter seconds since the epoch
 * @property {string} origin of its relay
 * @property {Uint8Array} address
 * @property {Uint8Array} publicKey to seal to
 * @property {Uint8Array} auth the card secret
 * @property {Uint8Array} verificationKey
 */

/** @param {Card} card */
export function encodeCard(card) {
  const flags = Number(card.isPublic) | (Number(card.takesUnsigned) << 1) | (card.largest << 2);
  return concat(
    [VERSION, flags],
    big(card.notAfter, 4),
    [card.origin.length],
    ascii(card.origin),
    card.address,
    card.publicKey,
    card.auth,
    card.verificationKey,
  );
}

/**
 * Reads a card, the keys' places on the curve included.
 *
 * @param {Uint8Array} octets
 * @returns {Promise<Card>}
 * @throws for everything that is not exactly a card of version 1
 */
export async function decodeCard(octets) {
  const reader = new Reader(octets);
  const [version, flags] = reader.take(2);
  const notAfter = reader.number(4);
  const origin = new TextDecoder('utf-8', { fatal: true }).decode(reader.take(reader.number(1)));
  const card = {
    isPublic: (flags & 1) !== 0,
    takesUnsigned: (flags & 2) !== 0,
    largest: flags >> 2,
    notAfter,
    origin,
    address: reader.take(ADDRESS_LENGTH),
    publicKey: reader.take(65),
    auth: reader.take(16),
    verificationKey: reader.take(65),
  };
  reader.end();
  const isGood =
    version === VERSION &&
    card.largest < CLASSES.length &&
    notAfter % DAY === 0 &&
    isOrigin(origin) &&
    card.address[0] === VERSION &&
    card.publicKey[0] === 4 &&
    card.verificationKey[0] === 4;
  if (!isGood) {
    throw new FormatError('not a card');
  }
  // Importing checks that a point is on the curve.
  const ecdh = { name: 'ECDH', namedCurve: 'P-256' };
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' };
  await crypto.subtle.importKey('raw', card.publicKey, ecdh, false, []);
  await crypto.subtle.importKey('raw', card.verificationKey, ecdsa, false, ['verify']);
  return card;
}

/** What signatures and the safety number bind. @param {Card} card */
export function cardHash(card) {
  return sha256(encodeCard(card));
}

/** @param {Card} card */
export function cardLink(card) {
  return `${originUrl(card.origin)}/#c=${encodeBase64url(encodeCard(card))}`;
}

/** Reads a link or its fragment. Where the link points to does not matter. @param {string} text */
export async function readCardLink(text) {
  const link = /^(?:https?:\/\/.*)?#c=([A-Za-z0-9_-]*)$/s.exec(text.trim());
  if (text.length > MAX_LINK || !link) {
    throw new FormatError('not a card');
  }
  return decodeCard(decodeBase64url(link[1]));
}

/**
 * What is wrong with the card now.
 *
 * @param {Card} card
 * @param {number} now seconds since the epoch
 * @returns {undefined | 'expired' | 'invalid'} `invalid` for a life of more than 90 days
 */
export function cardFault(card, now) {
  if (card.notAfter < now) {
    return 'expired';
  }
  return card.notAfter > now + 90 * DAY + SKEW ? 'invalid' : undefined;
}
