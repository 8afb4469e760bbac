"""Sends through pywebpush."""

import json
import sys

from pywebpush import WebPushException, webpush

given = json.load(sys.stdin)


def send(private_key, payload, **options):
    try:
        answer = webpush(
            given["subscription"],
            data=payload,
            vapid_private_key=private_key,
            vapid_claims={"sub": "mailto:ops@push-demo.dev"},
            ttl=60,
            **options,
        )
    except WebPushException as error:
        return error.response.status_code
    return answer.headers["location"]


print(
    json.dumps(
        {
            "sent": send(given["vapid"]["privateKey"], given["payload"]),
            "urgent": send(given["vapid"]["privateKey"], given["payload"], headers={"Urgency": "high"}),
            "stranger": send(given["stranger"], given["payload"]),
        }
    )
)
