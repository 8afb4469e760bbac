"""Sends through Firebase's own library for Python, of which only the URL is another."""

import datetime
import json
import sys

import firebase_admin
from firebase_admin import credentials, exceptions, messaging

given = json.load(sys.stdin)
# The library has no setting for it.
messaging._MessagingService.FCM_URL = given["base_url"] + "/v1/projects/{0}/messages:send"
firebase_admin.initialize_app(credentials.Certificate(given["service_account"]))


def message(**target):
    return messaging.Message(
        data={"e2ee": given["e2ee"]},
        notification=messaging.Notification(title="t", body="b", image="https://example.com/i.png"),
        android=messaging.AndroidConfig(
            collapse_key="door",
            priority="high",
            ttl=datetime.timedelta(seconds=3.5),
            restricted_package_name="com.example",
            direct_boot_ok=True,
            fcm_options=messaging.AndroidFCMOptions(analytics_label="label"),
            notification=messaging.AndroidNotification(
                title="t",
                color="#a0b1c2",
                title_loc_key="k",
                title_loc_args=["a"],
                event_timestamp=datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc),
                priority="high",
                vibrate_timings_millis=[500, 1000],
                visibility="private",
                notification_count=3,
                light_settings=messaging.LightSettings(
                    color="#a0b1c2", light_on_duration_millis=500, light_off_duration_millis=500
                ),
            ),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10"},
            payload=messaging.APNSPayload(
                aps=messaging.Aps(alert=messaging.ApsAlert(title="t"), badge=1, mutable_content=True)
            ),
        ),
        webpush=messaging.WebpushConfig(
            headers={"TTL": "60", "Urgency": "high"},
            fcm_options=messaging.WebpushFCMOptions(link="https://example.com/"),
        ),
        fcm_options=messaging.FCMOptions(analytics_label="label"),
        **target,
    )


def refusal(**target):
    try:
        messaging.send(message(**target))
    except exceptions.FirebaseError as error:
        return type(error).__name__
    return None


many = messaging.send_each([message(token=given["token"]), message(token=given["unknown"])])
print(
    json.dumps(
        {
            "sent": messaging.send(message(token=given["token"])),
            "to_topic": messaging.send(message(topic="news")),
            "to_condition": messaging.send(message(condition="'news' in topics")),
            "dry_run": messaging.send(message(token=given["token"]), dry_run=True),
            "many": [answer.success for answer in many.responses],
            "unknown": refusal(token=given["unknown"]),
            "foreign": refusal(token=given["foreign"]),
            "malformed": refusal(token="no-token"),
        }
    )
)
