// The envelope: what a sealed message says. One encoding: lengths match exactly, unused fields are
// zero.

import { FormatError, Reader, ascii, big, concat, same, sha256 } from './octets.js';
import { sign, verify } from './sign.js';

export const MESSAGE = 1;
export const RECEIPTS = 2;
export const CONTROL = 3;
/** Bodies of control messages. */
export const NEW_CARD = 1;
export const GOODBYE = 2;
/** Seconds. */
export const MAX_TTL = 604_800;
const VERSION = 1;
const HEADER_LENGTH = 46;
const SIGNATURE_LENGTH = 64;
const MAX_RECEIPTS = 18;
const CONTEXT = ascii('sealpush/v1/msg\0');

/** An envelope of a version or type of the future. */
export class UnsupportedError extends Error {}

/** Octets beside body and card. @param {boolean} signed */
export function overhead(signed) {
  return HEADER_LENGTH + (signed ? SIGNATURE_LENGTH : 0);
}

/**
 * @typedef {object} Envelope
 * @property {number} type
 * @property {Uint8Array} id 16 octets
 * @property {number} sentAt seconds since the epoch
 * @property {number} ttl seconds
 * @property {number} sequence from 1; 0 if unsigned
 * @property {Uint8Array} body
 * @property {Uint8Array} [card] in its binary form
 */

/**
 * @param {Envelope} envelope
 * @param {Uint8Array} recipient hash of the card that it is sealed to
 * @param {{privateKey: CryptoKey, publicKey: Uint8Array}} [signer]
 */
export async function encodeEnvelope(envelope, recipient, signer) {
  const card = envelope.card ?? new Uint8Array();
  const flags = (card.length > 0 ? 0x40 : 0) | (signer ? 0x80 : 0);
  const keyId = signer ? (await sha256(signer.publicKey)).slice(0, 8) : new Uint8Array(8);
  const octets = concat(
    [VERSION, envelope.type | flags],
    envelope.id,
    big(envelope.sentAt, 8),
    big(envelope.ttl, 4),
    big(signer ? envelope.sequence : 0, 4),
    keyId,
    big(envelope.body.length, 2),
    big(card.length, 2),
    envelope.body,
    card,
  );
  if (!signer) {
    return octets;
  }
  const signed = await signedOctets(recipient, signer.publicKey, octets);
  return concat(octets, await sign(signer.privateKey, signed));
}

/**
 * Reads an envelope, and does not verify its signature.
 *
 * @param {Uint8Array} octets
 * @returns {Envelope & {keyId?: Uint8Array, signature?: Uint8Array, signed: Uint8Array}} without
 *   `keyId` and `signature` where nobody signed
 * @throws {UnsupportedError} for what a later version wrote, `FormatError` for anything else
 */
export function decodeEnvelope(octets) {
  const reader = new Reader(octets);
  const [version, flags] = reader.take(2);
  const type = flags & 0x0f;
  if (version !== VERSION || type < MESSAGE || type > CONTROL) {
    throw new UnsupportedError();
  }
  const [hasCard, isSigned] = [(flags & 0x40) !== 0, (flags & 0x80) !== 0];
  const id = reader.take(16);
  const sentAt = reader.time();
  const [ttl, sequence] = [reader.number(4), reader.number(4)];
  const keyId = reader.take(8);
  const [bodyLength, cardLength] = [reader.number(2), reader.number(2)];
  const [body, card] = [reader.take(bodyLength), reader.take(cardLength)];
  const signed = octets.slice(0, HEADER_LENGTH + bodyLength + cardLength);
  const signature = isSigned ? reader.take(SIGNATURE_LENGTH) : undefined;
  reader.end();

  const ids = bodyLength / 16;
  const bodyIsGood = {
    [MESSAGE]: true,
    [RECEIPTS]: isSigned && Number.isInteger(ids) && ids >= 1 && ids <= MAX_RECEIPTS,
    [CONTROL]: isSigned && bodyLength === 1 && [NEW_CARD, GOODBYE].includes(body[0]),
  }[type];
  const signerIsGood = isSigned
    ? sequence > 0
    : sequence === 0 && keyId.every((octet) => octet === 0) && !hasCard;
  const isGood =
    (flags & 0x30) === 0 &&
    hasCard === cardLength > 0 &&
    ttl <= MAX_TTL &&
    bodyIsGood &&
    signerIsGood;
  if (!isGood) {
    throw new FormatError('not an envelope');
  }
  const envelope = { type, id, sentAt, ttl, sequence, body, signed };
  return {
    ...envelope,
    ...(hasCard ? { card } : {}),
    ...(signature ? { keyId, signature } : {}),
  };
}

/**
 * Whether this key signed it, for the card of this hash.
 *
 * @param {ReturnType<typeof decodeEnvelope>} envelope
 * @param {Uint8Array} key
 * @param {Uint8Array} recipient
 */
export async function isSignedBy(envelope, key, recipient) {
  if (!envelope.signature || !envelope.keyId) {
    return false;
  }
  const keyId = (await sha256(key)).slice(0, 8);
  const signed = await signedOctets(recipient, key, envelope.signed);
  return same(keyId, envelope.keyId) && verify(key, signed, envelope.signature);
}

/** The card binds slot, relay, direction, secret, expiry; the signer's key is bound as well. */
async function signedOctets(recipient, signer, envelope) {
  return concat(CONTEXT, recipient, await sha256(signer), envelope);
}
