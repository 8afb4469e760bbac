"""Opens what arrived with http-ece, Mozilla's implementation of RFC 8188 and RFC 8291."""

import base64
import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(item):
    scalar = int.from_bytes(octets(item["private_key"]), "big")
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    plaintext = http_ece.decrypt(
        octets(item["body"]), private_key=key, auth_secret=octets(item["auth"]), version="aes128gcm"
    )
    return plaintext.decode()


print(json.dumps([opened(item) for item in json.load(sys.stdin)]))
