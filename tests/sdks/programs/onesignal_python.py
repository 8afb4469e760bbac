"""Sends through OneSignal's own library for Python."""

import json
import sys

import onesignal
from onesignal.api import default_api

given = json.load(sys.stdin)
configuration = onesignal.Configuration(
    host=given["base_url"], rest_api_key=given["api_key"], organization_api_key="unused"
)


def notification(**target):
    return onesignal.model.notification.Notification(
        app_id=given["app_id"],
        contents={"en": "New message"},
        data={"e2ee": given["e2ee"]},
        ttl=60,
        priority=10,
        **target,
    )


with onesignal.ApiClient(configuration) as client:
    api = default_api.DefaultApi(client)
    sent = api.create_notification(
        notification(
            include_subscription_ids=[given["subscription_id"]],
            idempotency_key="2f2f2f2f-0000-4000-8000-00000000000b",
        )
    )
    person = api.create_notification(
        notification(include_aliases={"external_id": ["user-7"]}, target_channel="push")
    )
    view = api.get_notification(given["app_id"], sent["id"])
    cancelled = api.cancel_notification(given["app_id"], person["id"])
    try:
        api.create_notification(notification(include_subscription_ids=["x"]))
        refused = None
    except onesignal.ApiException as error:
        refused = error.status
print(
    json.dumps(
        {
            "sent": sent["id"],
            "person": person["id"],
            "view": view["id"],
            "cancelled": bool(cancelled["success"]),
            "refused": refused,
        }
    )
)
