// The octets of the crate, from its own vectors in `tests/contact`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { seal } from '../../../web-receiver/seal.js';
import * as card from '../../web/crypto/card.js';
import * as carried from '../../web/crypto/carried.js';
import * as envelope from '../../web/crypto/envelope.js';
import {
  concat,
  decodeBase64url as octets,
  encodeBase64url as text,
  sha256,
} from '../../web/crypto/octets.js';
import { isOrigin, originUrl } from '../../web/crypto/origin.js';
import { accept, freshness, newWindow } from '../../web/crypto/replay.js';
import { safetyNumber } from '../../web/crypto/safety.js';
import { generateSigner } from '../../web/crypto/sign.js';

const vector = (name) =>
  JSON.parse(readFileSync(new URL(`../../../../tests/contact/${name}.json`, import.meta.url)));

for (const name of ['card', 'card_loopback']) {
  test(`${name}: reads and writes the same octets`, async () => {
    const it = vector(name);
    const read = await card.decodeCard(octets(it.octets));
    assert.equal(read.notAfter, it.not_after);
    assert.equal(read.origin, it.origin);
    assert.equal(text(read.publicKey), it.encryption_key);
    assert.equal(text(read.auth), it.card_secret);
    assert.equal(text(read.verificationKey), it.verification_key);
    assert.equal(text(card.encodeCard(read)), it.octets);
    assert.equal(card.cardLink(read), it.link);
    assert.deepEqual(await card.readCardLink(it.link), read);
    assert.deepEqual(await card.readCardLink(it.link.slice(it.link.indexOf('#'))), read);
  });
}

test('a card with any other field is refused', async () => {
  const good = octets(vector('card').octets);
  const at = good.length - 65;
  const bad = [
    good.slice(1),
    good.slice(0, -1),
    concat(good, [0]),
    ...[0, 1, 2, 6, 24, at - 16 - 65, at - 16 - 60, at, at + 5].map((place) => {
      const changed = good.slice();
      changed[place] ^= 0x11;
      return changed;
    }),
  ];
  for (const [number, it] of bad.entries()) {
    await assert.rejects(card.decodeCard(it), `number ${number}`);
  }
  const link = vector('card').link;
  const otherwise = [`${link}=`, `javascript:x${link}`, link.replace('#c=', '#d=')];
  for (const it of [...otherwise, link + 'A'.repeat(4096)]) {
    await assert.rejects(card.readCardLink(it));
  }
});

test('a card lives until its day, and no longer than 90', async () => {
  const it = await card.decodeCard(octets(vector('card').octets));
  assert.equal(card.cardFault(it, it.notAfter), undefined);
  assert.equal(card.cardFault(it, it.notAfter + 1), 'expired');
  assert.equal(card.cardFault(it, it.notAfter - 92 * card.DAY), 'invalid');
});

const NAMES = [
  'envelope_unsigned',
  'envelope_signed',
  'envelope_card',
  'receipts',
  'control',
  'goodbye',
];
for (const name of NAMES) {
  test(`${name}: opens, reads, verifies, writes the same octets`, async () => {
    const it = vector(name);
    const recipientCard = octets(it.recipient_card);
    const recipient = await sha256(recipientCard);
    const to = await card.decodeCard(recipientCard);
    const sealed = octets(it.sealed);
    const slot = octets(it.recipient_slot);

    const arrived = concat(await carried.makeHint(slot, sealed), sealed);
    assert.ok(await carried.isFor(arrived, slot));
    const keys = await slotKeys(it.recipient_private_key, to);
    const plaintext = await carried.openCarried(keys, arrived);
    assert.equal(text(plaintext), it.envelope);
    assert.equal(text(carried.encodeRequest(0, to.address, sealed)), it.request);

    const read = envelope.decodeEnvelope(plaintext);
    assert.equal(read.type, it.type);
    assert.equal(text(read.id), it.message_id);
    assert.equal(read.sentAt, it.sent_at);
    assert.equal(read.ttl, it.ttl);
    assert.equal(text(read.body), it.body);
    assert.equal(text(read.card ?? new Uint8Array()), it.card);
    if (!read.signature) {
      assert.equal(text(await envelope.encodeEnvelope(read, recipient)), it.envelope);
      return;
    }
    assert.equal(read.sequence, it.sequence);
    const signer = await publicOf(it.signing_key);
    assert.ok(await envelope.isSignedBy(read, signer, recipient));
    assert.ok(!(await envelope.isSignedBy(read, signer, await sha256(recipient))));
    assert.ok(!(await envelope.isSignedBy(read, to.verificationKey, recipient)));

    // A signature is another one each time, so the octets before it are compared.
    const ours = await generateSigner();
    const written = await envelope.encodeEnvelope(read, recipient, ours);
    const keyId = (await sha256(ours.publicKey)).slice(0, 8);
    const expected = concat(read.signed.slice(0, 34), keyId, read.signed.slice(42));
    assert.equal(text(written.slice(0, -64)), text(expected));
    const reread = envelope.decodeEnvelope(written);
    assert.ok(await envelope.isSignedBy(reread, ours.publicKey, recipient));
  });
}

test('no bit of an envelope can be changed, and none of its octets left out', async () => {
  const it = vector('envelope_signed');
  const recipient = await sha256(octets(it.recipient_card));
  const signer = await publicOf(it.signing_key);
  const good = octets(it.envelope);
  const holds = async (changed) => {
    try {
      return await envelope.isSignedBy(envelope.decodeEnvelope(changed), signer, recipient);
    } catch {
      return false;
    }
  };
  assert.ok(await holds(good));
  for (let place = 0; place < good.length; place++) {
    const changed = good.slice();
    changed[place] ^= 1 << place % 8;
    assert.ok(!(await holds(changed)), `octet ${place}`);
    assert.ok(!(await holds(good.slice(0, place))), `length ${place}`);
  }
});

test('the future is unsupported, not malformed', () => {
  for (const [place, value] of [[0, 2], [1, 0x84]]) {
    const changed = octets(vector('envelope_signed').envelope);
    changed[place] = value;
    assert.throws(() => envelope.decodeEnvelope(changed), envelope.UnsupportedError);
  }
});

test('a hint is that of the crate, and of one slot', async () => {
  const it = vector('hint');
  const sealed = octets(it.sealed);
  const hint = await carried.makeHint(octets(it.slot), sealed, octets(it.r));
  assert.equal(text(hint), it.hint);
  assert.ok(!(await carried.isFor(concat(hint, sealed), new Uint8Array(16))));
});

test('a message of another size or record size is not opened', async () => {
  const it = vector('envelope_unsigned');
  const to = await card.decodeCard(octets(it.recipient_card));
  const keys = await slotKeys(it.recipient_private_key, to);
  const hint = new Uint8Array(16).fill(1);
  const open = (sealed) => carried.openCarried(keys, concat(hint, sealed));
  const good = await seal(to, octets(it.envelope), 512);
  assert.equal(text(await open(good)), it.envelope);
  await assert.rejects(open(await seal(to, octets(it.envelope), 513)));
  good[17] ^= 1;
  await assert.rejects(open(good));
});

test('the safety number is that of the crate, in either order', async () => {
  const it = vector('safety_number');
  const [a, b] = await Promise.all(it.cards.map((one) => sha256(octets(one))));
  assert.equal(await safetyNumber(a, b), it.number);
  assert.equal(await safetyNumber(b, a), it.number);
});

test('an answer is read exactly', () => {
  const read = (...six) => carried.decodeAnswer(Uint8Array.from(six));
  assert.deepEqual(read(1, 1, 0, 0, 0, 0), { name: 'accepted', seconds: 0 });
  assert.deepEqual(read(1, 3, 0, 0, 1, 4), { name: 'slow-down', seconds: 260 });
  assert.deepEqual(read(1, 5, 0, 0, 0, 0), { name: 'gone', seconds: 0 });
  for (const word of [0, 6]) {
    assert.throws(() => read(1, word, 0, 0, 0, 0));
  }
  for (const bad of [[2, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [1, 1]]) {
    assert.throws(() => read(...bad));
  }
});

test('a relay has one name', () => {
  assert.equal(originUrl('relay.example.net'), 'https://relay.example.net');
  assert.equal(originUrl('localhost:8420'), 'http://localhost:8420');
  assert.equal(originUrl('127.0.0.1:8080'), 'http://127.0.0.1:8080');
  assert.equal(originUrl('[::1]:8080'), 'http://[::1]:8080');
  assert.equal(originUrl('[2001:db8::1]'), 'https://[2001:db8::1]');
  for (const bad of [
    ...['', 'Relay.example', 'relay.example.', 'a@b', 'a/b', 'a b', '-a', 'a_b', 'a..b'],
    ...['a.b:443', 'a.b:0', 'a.b:080', 'a.b:65536', 'localhost:80'],
    ...['127.1', '0x7f', '1.2.3.04', '256.1.1.1', '[::0:1]', '[2001:DB8::1]'],
    ...['x'.repeat(64), `${'a.'.repeat(32)}a`],
  ]) {
    assert.ok(!isOrigin(bad), bad);
  }
});

test('what was accepted is a duplicate, what was evicted is stale', () => {
  const window = newWindow();
  for (let order = 1; order <= 1025; order++) {
    assert.equal(freshness(window, `id ${order}`, order), 'fresh');
    accept(window, `id ${order}`, order);
  }
  assert.equal(window.accepted.length, 1024);
  assert.equal(freshness(window, 'id 1', 1), 'stale');
  assert.equal(freshness(window, 'id 2', 2), 'duplicate');
  assert.equal(freshness(window, 'other', 2), 'fresh');
  assert.equal(freshness(structuredClone(window), 'id 1025', 9999), 'duplicate');
});

/** Keys of a slot, as if they had been made here. */
async function slotKeys(scalar, { publicKey, auth }) {
  const key = { ...jwk(publicKey), d: scalar };
  const curve = { name: 'ECDH', namedCurve: 'P-256' };
  const privateKey = await crypto.subtle.importKey('jwk', key, curve, false, ['deriveBits']);
  return { privateKey, publicKey, auth };
}

/** The public half of a signing key. */
async function publicOf(scalar) {
  const { createECDH } = await import('node:crypto');
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(octets(scalar));
  return new Uint8Array(ecdh.getPublicKey());
}

function jwk(point) {
  return { kty: 'EC', crv: 'P-256', x: text(point.slice(1, 33)), y: text(point.slice(33)) };
}
