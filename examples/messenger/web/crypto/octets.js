// Fixed fields in big-endian, and the few functions of WebCrypto that everything else stands on.

// The receiver beside this example; a path above the root of a site is the root.
import { decodeBase64url, encodeBase64url } from '../../../web-receiver/seal.js';

export { decodeBase64url, encodeBase64url };

/** Octets that are not what they should be. */
export class FormatError extends Error {
  /** @param {string} what */
  constructor(what) {
    super(what);
    this.name = 'FormatError';
  }
}

/** Reads fields from the front; throws as soon as one is not there. */
export class Reader {
  /** @param {Uint8Array} octets */
  constructor(octets) {
    this.octets = octets;
    this.at = 0;
  }

  /** @param {number} length @returns {Uint8Array} a copy */
  take(length) {
    if (length > this.octets.length - this.at) {
      throw new FormatError('too short');
    }
    this.at += length;
    return this.octets.slice(this.at - length, this.at);
  }

  /** A number of up to 6 octets. @param {number} length */
  number(length) {
    return this.take(length).reduce((number, octet) => number * 256 + octet, 0);
  }

  /** 8 octets as a number, where it is exact. */
  time() {
    const number = this.number(2) * 2 ** 48 + this.number(6);
    if (!Number.isSafeInteger(number)) {
      throw new FormatError('a time beyond all calendars');
    }
    return number;
  }

  get left() {
    return this.octets.length - this.at;
  }

  /** Nothing is left over. */
  end() {
    if (this.left !== 0) {
      throw new FormatError('too long');
    }
  }
}

/** @param {number} value @param {number} length in octets */
export function big(value, length) {
  const octets = new Uint8Array(length);
  for (let place = length - 1; place >= 0; place--) {
    octets[place] = value % 256;
    value = Math.floor(value / 256);
  }
  return octets;
}

/** @param {...(Uint8Array | number[])} parts */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function same(a, b) {
  return (
    a.length === b.length && a.reduce((differs, octet, at) => differs | (octet ^ b[at]), 0) === 0
  );
}

/** @param {string} text */
export function ascii(text) {
  return new TextEncoder().encode(text);
}

/** @param {...(Uint8Array | number[])} parts */
export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...parts)));
}

/** HMAC-SHA-256. @param {Uint8Array} key @param {...Uint8Array} parts */
export async function hmac(key, ...parts) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, concat(...parts)));
}

/** @param {number} length */
export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}
