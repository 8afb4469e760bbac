// ES256: one key pair for each contact, which no script can read.

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const ES256 = { name: 'ECDSA', hash: 'SHA-256' };

/** @returns {Promise<{privateKey: CryptoKey, publicKey: Uint8Array}>} */
export async function generateSigner() {
  const pair = await crypto.subtle.generateKey(CURVE, false, ['sign', 'verify']);
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
  };
}

/** @param {CryptoKey} privateKey @param {Uint8Array} message @returns 64 octets */
export async function sign(privateKey, message) {
  return new Uint8Array(await crypto.subtle.sign(ES256, privateKey, message));
}

/** @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature */
export async function verify(publicKey, message, signature) {
  const key = await crypto.subtle.importKey('raw', publicKey, CURVE, false, ['verify']);
  return crypto.subtle.verify(ES256, key, signature, message);
}
