// Reads the vectors that all receivers share.

import { readFileSync } from 'node:fs';

import { decodeBase64url, encodeBase64url } from '../seal.js';

/** Keys from their base64url form, as nobody but a test should need them. */
export async function importKeys(privateKey, p256dh, auth) {
  const publicKey = decodeBase64url(p256dh);
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: privateKey,
    x: encodeBase64url(publicKey.subarray(1, 33)),
    y: encodeBase64url(publicKey.subarray(33)),
  };
  return {
    privateKey: await crypto.subtle.importKey(
      'jwk', jwk, { name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits'],
    ),
    publicKey,
    auth: decodeBase64url(auth),
  };
}

const lines = readFileSync(new URL('../../../tests/receivers/vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' '));

const of = (kind) => lines.filter((words) => words[0] === kind).map((words) => words.slice(1));

export const keys = await importKeys(...of('keys')[0]);
export const toOpen = of('open').map(([name, body, plaintext = '']) => ({
  name,
  body: decodeBase64url(body),
  plaintext: decodeBase64url(plaintext),
}));
export const toRefuse = of('refuse').map(([name, body = '']) => ({ name, body: decodeBase64url(body) }));
export const textsToOpen = of('open-text').map(([name, text, plaintext = '']) => ({
  name,
  text,
  plaintext: decodeBase64url(plaintext),
}));
export const textsToRefuse = of('refuse-text').map(([name, text = '']) => ({ name, text }));
