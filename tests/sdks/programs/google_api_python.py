"""Publishes through Google's own client, which is made of the discovery document that it ships."""

import base64
import json
import sys

from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

given = json.load(sys.stdin)
SCOPE = "https://www.googleapis.com/auth/pubsub"
credentials = service_account.Credentials.from_service_account_info(
    given["service_account"], scopes=[SCOPE]
)
service = build(
    "pubsub",
    "v1",
    credentials=credentials,
    client_options={"api_endpoint": given["base_url"]},
    static_discovery=True,
)
data = base64.b64encode(base64.urlsafe_b64decode(given["e2ee"] + "==")).decode()


def publish(topic, *messages):
    topic = f"projects/{given['project']}/topics/{topic}"
    request = service.projects().topics().publish(topic=topic, body={"messages": messages})
    try:
        return request.execute(num_retries=0)
    except HttpError as error:
        return [error.status_code, error.reason]


def schema(name):
    """The members of a message in the discovery document."""
    return sorted(service._schema.get(name)["properties"])


message = {"data": data, "attributes": {"ttl": "60", "urgency": "high"}, "orderingKey": "door-7"}
print(
    json.dumps(
        {
            "sent": publish("doors", message, {"data": data, "orderingKey": "door-7"}),
            "gone": publish("nowhere", message),
            "empty": publish("doors", {}),
            "request": schema("PublishRequest"),
            "answer": schema("PublishResponse"),
            "message": schema("PubsubMessage"),
        }
    )
)
