// The JavaScript side of the crate's live tests: reads JSON, opens the bodies, seals what was in
// them again, writes JSON. With the argument `token` it makes keys and writes a token.

import { decodeBase64url, encodeBase64url, exportToken, generateKeys, open, seal } from '../seal.js';
import { importKeys } from './vectors.js';

if (process.argv[2] === 'token') {
  console.log(exportToken(await generateKeys(), 'fcm', { token: 'registration' }));
} else {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
  }
  const input = JSON.parse(text);
  const keys = await importKeys(input.privateKey, input.keys.p256dh, input.keys.auth);
  const opened = [];
  const sealed = [];
  for (const body of input.bodies) {
    const plaintext = await open(keys, decodeBase64url(body));
    opened.push(encodeBase64url(plaintext));
    sealed.push(encodeBase64url(await seal(keys, plaintext)));
  }
  console.log(JSON.stringify({ opened, sealed }));
}
