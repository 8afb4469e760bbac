"""Opens with http_ece what devices got."""

import base64
import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

given = json.load(sys.stdin)


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(message):
    number = int.from_bytes(octets(message["private_key"]), "big")
    payload = http_ece.decrypt(
        octets(message["e2ee"]),
        private_key=ec.derive_private_key(number, ec.SECP256R1()),
        auth_secret=octets(message["auth"]),
        version="aes128gcm",
    )
    return payload.decode()


print(json.dumps([opened(message) for message in given]))
