"""Sends to Sailthru Mobile with requests, whose Basic authentication is its own, what http_ece
sealed. Sailthru's own library for Python has no push: it speaks to another product."""

import base64
import json
import os
import sys

import http_ece
import requests
from cryptography.hazmat.primitives.asymmetric import ec

given = json.load(sys.stdin)


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


body = http_ece.encrypt(
    b"sealed by http_ece",
    salt=os.urandom(16),
    private_key=ec.generate_private_key(ec.SECP256R1()),
    dh=octets(given["keys"]["p256dh"]),
    auth_secret=octets(given["keys"]["auth"]),
    version="aes128gcm",
)
payload = {
    "alert": "New message",
    "mutable_content": True,
    "e2ee": base64.urlsafe_b64encode(body).decode().rstrip("="),
}
request = {
    "to": {"field": "device_id", "value": given["device_id"]},
    "group": "by-python",
    "notification": {"payload": payload},
}


def send(key):
    url = given["base_url"] + "/v6/transactional/notifications"
    response = requests.post(url, json=request, auth=("", key), timeout=30)
    return {"status": response.status_code, "body": response.json()}


print(json.dumps({"sent": send(given["api_key"]), "stranger": send("x")}))
