// RFC 8291 in JavaScript: the published vector, the crate's bodies, and everything that must not
// open.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  BUCKETS, MAX_BODY, MAX_PLAINTEXT, OpenError,
  decodeBase64url, encodeBase64url, exportToken, generateKeys, open, seal,
} from '../seal.js';
import { keys, textsToOpen, textsToRefuse, toOpen, toRefuse } from './vectors.js';

const published = toOpen.find(({ name }) => name === 'rfc8291').body;

test('the vectors are all there', () => {
  assert.equal(toOpen.length, 15);
  assert.equal(toRefuse.length, 73);
  assert.equal(textsToOpen.length, 3);
  assert.equal(textsToRefuse.length, 18);
});

test('the message of RFC 8291 appendix A opens', async () => {
  const text = new TextDecoder().decode(await open(keys, published));
  assert.equal(text, 'When I grow up, I want to be a watermelon');
});

for (const { name, body, plaintext } of toOpen) {
  test(`opens: ${name}`, async () => {
    assert.deepEqual(await open(keys, body), plaintext);
  });
}

for (const { name, body } of toRefuse) {
  test(`refuses: ${name}`, () => assert.rejects(open(keys, body), OpenError));
}

for (const { name, text, plaintext } of textsToOpen) {
  test(`opens the text: ${name}`, async () => {
    assert.deepEqual(await open(keys, decodeBase64url(text)), plaintext);
  });
}

for (const { name, text } of textsToRefuse) {
  test(`refuses the text: ${name}`, () =>
    assert.rejects(async () => open(keys, decodeBase64url(text))));
}

test('every bit flip is refused, but in the record size, which is not authenticated', async () => {
  for (let position = 0; position < published.length; position += 1) {
    if (position >= 16 && position < 20) {
      continue;
    }
    for (let bit = 0; bit < 8; bit += 1) {
      const body = published.slice();
      body[position] ^= 1 << bit;
      await assert.rejects(open(keys, body), OpenError, `octet ${position}, bit ${bit}`);
    }
  }
});

test('every truncation is refused', async () => {
  for (let length = 0; length < published.length; length += 1) {
    await assert.rejects(open(keys, published.subarray(0, length)), OpenError, `${length} octets`);
  }
});

test('a body inside a larger buffer opens', async () => {
  const buffer = new Uint8Array(published.length + 7);
  buffer.set(published, 5);
  const text = await open(keys, buffer.subarray(5, 5 + published.length));
  assert.equal(text.length, 41);
});

test('every refusal looks the same', async () => {
  const seen = new Set();
  for (const body of [...toRefuse.map(({ body }) => body), undefined, 'text', {}]) {
    const error = await open(keys, body).catch((refused) => refused);
    seen.add(`${error.name}: ${error.message}: ${error.cause}`);
  }
  assert.equal(seen.size, 1);
});

test('what is sealed here opens here, in one of four sizes', async () => {
  const mine = await generateKeys();
  for (const length of [0, 1, 409, 410, 1397, 1398, 2641, 2642, MAX_PLAINTEXT]) {
    const plaintext = crypto.getRandomValues(new Uint8Array(length));
    const body = await seal(mine, plaintext);
    assert.ok([...BUCKETS, MAX_BODY].includes(body.length), `${body.length}`);
    assert.deepEqual(await open(mine, body), plaintext);
    await assert.rejects(open(keys, body), OpenError);
  }
});

test('two bodies of one message share no salt and no sender key', async () => {
  const [first, second] = [await seal(keys, published), await seal(keys, published)];
  assert.notDeepEqual(first.subarray(0, 16), second.subarray(0, 16));
  assert.notDeepEqual(first.subarray(21, 86), second.subarray(21, 86));
});

test('what does not fit is not sealed', async () => {
  const octets = (length) => new Uint8Array(length);
  await assert.rejects(seal(keys, octets(MAX_PLAINTEXT + 1)), RangeError);
  await assert.rejects(seal(keys, octets(10), 112), RangeError);
  await assert.rejects(seal(keys, octets(10), MAX_BODY + 1), RangeError);
  assert.equal((await seal(keys, octets(10), 113)).length, 113);
});

test('nobody seals for a point off the curve', async () => {
  const publicKey = keys.publicKey.slice();
  publicKey[64] ^= 1;
  await assert.rejects(seal({ ...keys, publicKey }, new Uint8Array(1)));
});

test('a generated private key cannot be exported', async () => {
  const mine = await generateKeys();
  assert.equal(mine.privateKey.extractable, false);
  for (const format of ['jwk', 'pkcs8']) {
    await assert.rejects(crypto.subtle.exportKey(format, mine.privateKey), {
      // Node 20 calls it an exception, browsers an error.
      name: /^InvalidAccess/,
    });
  }
  assert.equal(mine.publicKey.length, 65);
  assert.equal(mine.auth.length, 16);
});

test('a token holds the address and the public half', async () => {
  const mine = await generateKeys();
  assert.deepEqual(JSON.parse(exportToken(mine, 'fcm', { token: 'abc' })), {
    provider: 'fcm',
    token: 'abc',
    keys: { p256dh: encodeBase64url(mine.publicKey), auth: encodeBase64url(mine.auth) },
  });
});

test('octets have one text', () => {
  assert.deepEqual([...decodeBase64url('-_-_')], [0xfb, 0xff, 0xbf]);
  assert.deepEqual([...decodeBase64url('-_8')], [0xfb, 0xff]);
  assert.equal(decodeBase64url('').length, 0);
  for (const bad of [
    '+/+/', '-/-_', '-_8=', '-_9', '-_-', 'AB', 'a', 'ab c', 'ä', 'ab\n', '\nab', '====', 7, null, undefined,
  ]) {
    assert.throws(() => decodeBase64url(bad), SyntaxError, `${bad}`);
  }
});
