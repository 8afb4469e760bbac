"""Registers a push token and raises events through Klaviyo's own library for Python."""

import json
import sys

import klaviyo_api
from openapi_client.exceptions import ApiException

given = json.load(sys.stdin)


def client(key):
    return klaviyo_api.KlaviyoAPI(key, max_delay=1, max_retries=0, test_host=given["base_url"])


def profile():
    return {"data": {"type": "profile", "attributes": {"external_id": given["external_id"]}}}


def event(unique_id, **properties):
    metric = {"data": {"type": "metric", "attributes": {"name": given["metric"]}}}
    attributes = {
        "metric": metric,
        "profile": profile(),
        "properties": properties,
        "unique_id": unique_id,
    }
    return {"data": {"type": "event", "attributes": attributes}}


def status(call, *arguments):
    try:
        call(*arguments)
    except ApiException as error:
        return error.status
    return "taken"


klaviyo = client(given["api_key"])
token = {
    "token": given["push_token"],
    "platform": "android",
    "vendor": "fcm",
    "enablement_status": "AUTHORIZED",
    "profile": profile(),
}
answer = {
    "registered": status(
        klaviyo.Profiles.create_push_token,
        {"data": {"type": "push-token", "attributes": token}},
    ),
    "raised": status(klaviyo.Events.create_event, event("1", e2ee=given["e2ee"])),
    "again": status(klaviyo.Events.create_event, event("1", e2ee=given["e2ee"])),
    "bare": status(klaviyo.Events.create_event, event("2", other="x")),
    "empty": status(klaviyo.Events.create_event, event("")),
    "stranger": status(client("pk_x").Events.create_event, event("3", e2ee="x")),
}
print(json.dumps(answer))
