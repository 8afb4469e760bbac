// RFC 8291 with nothing but WebCrypto: seal for a user agent, open as one.
//
// Runs in pages, service workers and Node 20. It opens what the crate `sealpush` seals, and is as
// strict as its `open`: exactly one record, and one error for every reason.

/** Largest sealed body, in octets (RFC 8030 section 7.2). */
export const MAX_BODY = 4096;

/** Largest plaintext, in octets: the body without header, delimiter and tag (RFC 8291 section 4). */
export const MAX_PLAINTEXT = MAX_BODY - 103;

/** Sizes of a body, in octets, below the largest: an observer sees one of four. */
export const BUCKETS = [512, 1500, 2744];

/** A body could not be opened. It says no more than that. */
export class OpenError extends Error {
  constructor() {
    super('the sealed body cannot be opened with these keys');
    this.name = 'OpenError';
  }
}

/**
 * Makes the keys of a user agent. No script can read the private key, not even this one; it can
 * only be used and kept in IndexedDB.
 *
 * @returns {Promise<{privateKey: CryptoKey, publicKey: Uint8Array, auth: Uint8Array}>}
 */
export async function generateKeys() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ['deriveBits']);
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
    auth: crypto.getRandomValues(new Uint8Array(AUTH_LENGTH)),
  };
}

/**
 * Makes a token: what a sender needs to reach these keys. It holds the address: treat it as a
 * secret.
 *
 * @param {{publicKey: Uint8Array, auth: Uint8Array}} keys
 * @param {string} provider such as `fcm`
 * @param {object} address what that provider needs, such as `{token: '...'}`
 * @returns {string} JSON for the sender's `Token`
 */
export function exportToken(keys, provider, address) {
  return JSON.stringify({
    provider,
    ...address,
    keys: { p256dh: encodeBase64url(keys.publicKey), auth: encodeBase64url(keys.auth) },
  });
}

/**
 * Opens a sealed body.
 *
 * @param {{privateKey: CryptoKey, publicKey: Uint8Array, auth: Uint8Array}} keys
 * @param {Uint8Array} body
 * @returns {Promise<Uint8Array>} the plaintext
 * @throws {OpenError} for every reason alike
 */
export async function open(keys, body) {
  try {
    return await openRecord(keys, body);
  } catch {
    throw new OpenError();
  }
}

/**
 * Seals for a user agent, with a fresh key pair and salt.
 *
 * @param {{publicKey: Uint8Array, auth: Uint8Array}} userAgent the public half of its keys
 * @param {Uint8Array} plaintext
 * @param {number} [bodyLength] pads the body to so many octets; by default to the next bucket
 * @returns {Promise<Uint8Array>} the body
 * @throws {RangeError} when the plaintext does not fit
 */
export async function seal(userAgent, plaintext, bodyLength = bucketFor(plaintext.length)) {
  if (bodyLength > MAX_BODY || plaintext.length + OVERHEAD > bodyLength) {
    throw new RangeError(
      `a body of ${bodyLength} octets cannot hold ${plaintext.length}, limit ${MAX_BODY}`,
    );
  }
  const pair = await crypto.subtle.generateKey(CURVE, false, ['deriveBits']);
  const senderPublic = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const salt = crypto.getRandomValues(new Uint8Array(SALT_LENGTH));
  const secret = await agree(pair.privateKey, userAgent.publicKey);
  const { key, nonce } = await recordKeys({
    secret,
    auth: userAgent.auth,
    userAgentPublic: userAgent.publicKey,
    senderPublic,
    salt,
    usage: 'encrypt',
  });

  const record = new Uint8Array(bodyLength - HEADER_LENGTH - TAG_LENGTH);
  record.set(plaintext);
  record[plaintext.length] = DELIMITER;
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce }, key, record);

  const body = new Uint8Array(bodyLength);
  body.set(salt);
  new DataView(body.buffer).setUint32(SALT_LENGTH, RECORD_SIZE);
  body[SALT_LENGTH + 4] = POINT_LENGTH;
  body.set(senderPublic, SALT_LENGTH + 5);
  body.set(new Uint8Array(ciphertext), HEADER_LENGTH);
  return body;
}

/** Octets to base64url without padding. */
export function encodeBase64url(octets) {
  let binary = '';
  for (const octet of octets) {
    binary += String.fromCharCode(octet);
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * Base64url without padding to octets. One sequence of octets has one text: padding, the other
 * alphabet, and bits that are left over and not zero (RFC 4648 section 3.5) throw.
 */
export function decodeBase64url(text) {
  if (typeof text === 'string' && /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1) {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const octets = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    if (encodeBase64url(octets) === text) {
      return octets;
    }
  }
  throw new SyntaxError('not base64url without padding');
}

const CURVE = { name: 'ECDH', namedCurve: 'P-256' };
const AUTH_LENGTH = 16;
const POINT_LENGTH = 65;
const SALT_LENGTH = 16;
const TAG_LENGTH = 16;
const HEADER_LENGTH = SALT_LENGTH + 4 + 1 + POINT_LENGTH;
const OVERHEAD = HEADER_LENGTH + 1 + TAG_LENGTH;
const DELIMITER = 2;
const RECORD_SIZE = 4096;
const MIN_RECORD_SIZE = 18;
const MAX_RECORD_SIZE = 2 ** 31 - 1;

async function openRecord(keys, body) {
  if (body.length > MAX_BODY || body.length < OVERHEAD) {
    throw new OpenError();
  }
  const recordSize = new DataView(body.buffer, body.byteOffset).getUint32(SALT_LENGTH);
  const senderPublic = body.subarray(SALT_LENGTH + 5, HEADER_LENGTH);
  const ciphertext = body.subarray(HEADER_LENGTH);
  if (
    recordSize < MIN_RECORD_SIZE ||
    recordSize > MAX_RECORD_SIZE ||
    ciphertext.length > recordSize ||
    body[SALT_LENGTH + 4] !== POINT_LENGTH ||
    senderPublic[0] !== 4
  ) {
    throw new OpenError();
  }
  const secret = await agree(keys.privateKey, senderPublic);
  const { key, nonce } = await recordKeys({
    secret,
    auth: keys.auth,
    userAgentPublic: keys.publicKey,
    senderPublic,
    salt: body.subarray(0, SALT_LENGTH),
    usage: 'decrypt',
  });
  const record = new Uint8Array(
    await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, ciphertext),
  );
  const end = record.findLastIndex((octet) => octet !== 0);
  if (record[end] !== DELIMITER) {
    throw new OpenError();
  }
  return record.slice(0, end);
}

/** ECDH. Importing checks that the point is on the curve. */
async function agree(privateKey, point) {
  const publicKey = await crypto.subtle.importKey('raw', point, CURVE, false, []);
  return crypto.subtle.deriveBits({ name: 'ECDH', public: publicKey }, privateKey, 256);
}

/** The key schedule of RFC 8291 section 3.4, then RFC 8188 sections 2.2 and 2.3. */
async function recordKeys({ secret, auth, userAgentPublic, senderPublic, salt, usage }) {
  const info = concat(text('WebPush: info\0'), userAgentPublic, senderPublic);
  const keyingMaterial = await hkdf(secret, auth, info, 32);
  const key = await hkdf(keyingMaterial, salt, text('Content-Encoding: aes128gcm\0'), 16);
  const nonce = await hkdf(keyingMaterial, salt, text('Content-Encoding: nonce\0'), 12);
  return { key: await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [usage]), nonce };
}

async function hkdf(keyingMaterial, salt, info, length) {
  const key = await crypto.subtle.importKey('raw', keyingMaterial, 'HKDF', false, ['deriveBits']);
  return crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, length * 8);
}

function bucketFor(plaintextLength) {
  return BUCKETS.find((bucket) => plaintextLength + OVERHEAD <= bucket) ?? MAX_BODY;
}

function text(ascii) {
  return new TextEncoder().encode(ascii);
}

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
