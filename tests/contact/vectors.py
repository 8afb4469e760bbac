#!/usr/bin/env python3
"""Writes the vectors of `contact` from the design alone: an implementation of its own.

Needs `cryptography` (PyPI). `python3 tests/contact/vectors.py` rewrites the JSON files beside it.
Signatures are made once and kept: ES256 is random, so a file that verifies is left as it is.
Everything is in base64url without padding, numbers are numbers.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).parent


def text(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(value):
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def stream(name, length):
    """Octets that look random and are the same every time."""
    out = b""
    while len(out) < length:
        out += sha256(b"sealpush vectors", name.encode(), struct.pack(">I", len(out)))
    return out[:length]


def private_key(name):
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return ec.derive_private_key(
        int.from_bytes(stream(name, 40), "big") % (order - 1) + 1, ec.SECP256R1()
    )


def scalar(key):
    return key.private_numbers().private_value.to_bytes(32, "big")


def public(key):
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def derive(root, info):
    return HKDF(hashes.SHA256(), 32, None, b"sealpush/v1/relay/" + info).derive(root)


# Structures, as the design gives them.

ENDPOINT = b"https://updates.push.services.mozilla.com/wpush/v2/" + b"gAAAA" * 40


def token(endpoint, p256dh, auth, vapid_id):
    return (
        b"\x01" + struct.pack(">H", len(endpoint)) + endpoint + p256dh + auth + vapid_id
    )


def address_plaintext(endpoint, p256dh, auth, slot, day, vapid_id):
    head = b"\x01" + struct.pack(">H", len(endpoint)) + endpoint + p256dh + auth
    plain = head + slot + struct.pack(">H", day) + vapid_id
    return plain + bytes(640 - len(plain))


def address(key, nonce, plaintext):
    aad = b"sealpush/v1/address\0" + b"\x01"
    sealed = b"\x01" + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)
    assert len(sealed) == 669
    return sealed


def card(flags, not_after, origin, sealed_address, encryption_key, secret, verification_key):
    octets = bytes([1, flags]) + struct.pack(">I", not_after)
    octets += bytes([len(origin)]) + origin + sealed_address
    octets += encryption_key + secret + verification_key
    assert len(octets) == 822 + len(origin)
    return octets


def envelope(kind, message_id, sent_at, ttl, sequence, key_id, body, attached, signed):
    flags = kind | (0x40 if attached else 0) | (0x80 if signed else 0)
    head = bytes([1, flags]) + message_id + struct.pack(">QII", sent_at, ttl, sequence)
    head += key_id + struct.pack(">HH", len(body), len(attached))
    assert len(head) == 46
    return head + body + attached


def to_be_signed(recipient_card, verification_key, unsigned):
    return (
        b"sealpush/v1/msg\0" + sha256(recipient_card) + sha256(verification_key) + unsigned
    )


def sign(key, message):
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verifies(verification_key, message, signature):
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), verification_key)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def seal(recipient_key, recipient_public, secret, plaintext, length, sender, salt):
    """RFC 8291 in one record of RFC 8188, padded to `length` octets in all."""
    shared = sender.exchange(ec.ECDH(), recipient_key.public_key())
    info = b"WebPush: info\0" + recipient_public + public(sender)
    ikm = HKDF(hashes.SHA256(), 32, secret, info).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(ikm)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(ikm)
    record = plaintext + b"\x02"
    record += bytes(length - 86 - 16 - len(record))
    body = salt + struct.pack(">I", 4096) + b"\x41" + public(sender)
    body += AESGCM(key).encrypt(nonce, record, None)
    assert len(body) == length
    return body


def hint(slot, r, sealed):
    mac = hmac.new(slot, b"sealpush/v1/hint\0" + r + sha256(sealed), hashlib.sha256)
    return r + mac.digest()[:8]


def safety_number(first, second):
    h = sorted([sha256(first), sha256(second)])
    bits = int.from_bytes(sha256(b"sealpush/v1/safety\0", *h)[:30], "big")
    groups = [(bits >> (20 * (11 - place)) & 0xFFFFF) % 100_000 for place in range(12)]
    return " ".join(f"{group:05}" for group in groups)


def write(name, value):
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(value, indent=2) + "\n")


def kept_signature(name, verification_key, message, key):
    """The signature in the file, if it is one of this message, else a new one."""
    path = HERE / f"{name}.json"
    if path.exists():
        old = octets_of(json.loads(path.read_text()).get("signature", ""))
        if len(old) == 64 and verifies(verification_key, message, old):
            return old
    return sign(key, message)


def make_card(name, flags=8, day=20_700, origin=b"relay.example.net"):
    root, slot = stream("root", 32), stream(name + " slot", 16)
    plain = address_plaintext(
        ENDPOINT, public(private_key(name + " subscription")), stream(name + " auth", 16),
        slot, day - 90, sha256(public(private_key("vapid")))[:8],
    )
    sealed = address(derive(root, b"address"), stream(name + " nonce", 12), plain)
    encryption, signing = private_key(name + " encryption"), private_key(name + " signing")
    secret = stream(name + " secret", 16)
    return {
        "octets": card(
            flags, day * 86_400, origin, sealed, public(encryption), secret, public(signing)
        ),
        "address": sealed, "slot": slot, "secret": secret, "encryption": encryption,
        "signing": signing, "flags": flags, "not_after": day * 86_400, "origin": origin,
    }


def main():
    root = stream("root", 32)
    write("keys", {"root": text(root)} | {
        name: text(derive(root, name.encode()))
        for name in ["address", "challenge", "count", "store"]
    })

    subscription, auth = private_key("subscription"), stream("auth", 16)
    slot, vapid = stream("slot", 16), public(private_key("vapid"))
    plain = address_plaintext(ENDPOINT, public(subscription), auth, slot, 20_610, sha256(vapid)[:8])
    nonce = stream("address nonce", 12)
    write("address", {
        "key": text(derive(root, b"address")), "nonce": text(nonce),
        "endpoint": ENDPOINT.decode(), "p256dh": text(public(subscription)), "auth": text(auth),
        "slot": text(slot), "issue_day": 20_610, "vapid_key": text(vapid),
        "plaintext": text(plain), "address": text(address(derive(root, b"address"), nonce, plain)),
    })

    key, device_nonce = derive(root, b"challenge"), stream("device nonce", 16)
    binary = token(ENDPOINT, public(subscription), auth, sha256(vapid)[:8])
    challenge_plain = sha256(binary) + device_nonce + struct.pack(">Q", 1_780_000_600)
    ticket_plain = sha256(binary) + struct.pack(">Q", 1_787_776_000)
    challenge_nonce, ticket_nonce = stream("challenge nonce", 12), stream("ticket nonce", 12)
    challenge = challenge_nonce + AESGCM(key).encrypt(
        challenge_nonce, challenge_plain, b"sealpush/v1/challenge\0"
    )
    ticket = ticket_nonce + AESGCM(key).encrypt(
        ticket_nonce, ticket_plain, b"sealpush/v1/ticket\0"
    )
    write("challenge", {
        "key": text(key), "token": text(binary), "device_nonce": text(device_nonce),
        "registration": text(b"\x01" + device_nonce + binary),
        "challenge_nonce": text(challenge_nonce), "challenge_expiry": 1_780_000_600,
        "challenge": text(challenge), "pushed": text(bytes(16) + device_nonce + challenge),
        "claim": text(challenge + binary + b"\x20"),
        "ticket_nonce": text(ticket_nonce), "ticket_expiry": 1_787_776_000,
        "ticket": text(ticket), "refill": text(ticket + binary + b"\x20"),
    })

    alice, bob = make_card("alice"), make_card("bob", flags=2 | 8, origin=b"127.0.0.1:8080")
    for name, it in [("card", alice), ("card_loopback", bob)]:
        scheme = "http" if it["origin"].startswith(b"127.") else "https"
        write(name, {
            "flags": it["flags"], "not_after": it["not_after"], "origin": it["origin"].decode(),
            "address": text(it["address"]), "encryption_key": text(public(it["encryption"])),
            "private_key": text(scalar(it["encryption"])), "card_secret": text(it["secret"]),
            "verification_key": text(public(it["signing"])), "octets": text(it["octets"]),
            "link": f"{scheme}://{it['origin'].decode()}/#c={text(it['octets'])}",
        })

    sealed = seal(
        bob["encryption"], public(bob["encryption"]), bob["secret"], b"hint", 512,
        private_key("hint sender"), stream("hint salt", 16),
    )
    r = stream("hint r", 8)
    write("hint", {
        "slot": text(bob["slot"]), "r": text(r), "sealed": text(sealed),
        "hint": text(hint(bob["slot"], r, sealed)),
    })

    reply = make_card("reply")["octets"]
    ids = b"".join(stream(f"read {n}", 16) for n in range(3))
    for name, kind, body, attached, signed, length in [
        ("envelope_unsigned", 1, "Grüße, ohne Namen".encode(), b"", False, 512),
        ("envelope_signed", 1, b"It is me.", b"", True, 512),
        ("envelope_card", 1, b"It is me, and this is my card.", reply, True, 1500),
        ("receipts", 2, ids, b"", True, 512),
        ("control", 3, b"\x01", reply, True, 1500),
        ("goodbye", 3, b"\x02", b"", True, 512),
    ]:
        signer = private_key("reply signing")
        verification_key = public(signer)
        message_id, sequence = stream(name + " id", 16), 7 if signed else 0
        key_id = sha256(verification_key)[:8] if signed else bytes(8)
        unsigned = envelope(
            kind, message_id, 1_780_000_000, 604_800, sequence, key_id, body, attached, signed
        )
        signature = b""
        if signed:
            message = to_be_signed(bob["octets"], verification_key, unsigned)
            signature = kept_signature(name, verification_key, message, signer)
        sealed = seal(
            bob["encryption"], public(bob["encryption"]), bob["secret"], unsigned + signature,
            length, private_key(name + " sender"), stream(name + " salt", 16),
        )
        write(name, {
            "recipient_card": text(bob["octets"]),
            "recipient_private_key": text(scalar(bob["encryption"])),
            "recipient_slot": text(bob["slot"]), "type": kind, "message_id": text(message_id),
            "sent_at": 1_780_000_000, "ttl": 604_800, "sequence": sequence, "body": text(body),
            "card": text(attached), "signing_key": text(scalar(signer)) if signed else "",
            "signature": text(signature), "envelope": text(unsigned + signature),
            "sealed": text(sealed),
            "request": text(b"\x01\x00" + bob["address"] + sealed),
        })

    write("safety_number", {
        "cards": [text(alice["octets"]), text(bob["octets"])],
        "number": safety_number(alice["octets"], bob["octets"]),
    })


if __name__ == "__main__":
    main()
