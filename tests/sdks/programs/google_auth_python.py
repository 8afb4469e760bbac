"""Gets access tokens through Google's own library."""

import json
import sys

from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account

given = json.load(sys.stdin)
MEMBERS = ["client_id", "client_secret", "refresh_token", "token_uri"]
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def refreshed(info):
    if info["type"] == "authorized_user":
        # `from_authorized_user_info` has a constant in place of the file's token_uri.
        credential = credentials.Credentials(None, **{name: info[name] for name in MEMBERS})
    else:
        credential = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])
    try:
        credential.refresh(Request())
    except RefreshError as error:
        return error.args[1]["error"]
    return "valid" if credential.valid and credential.token.startswith("ya29.") else "invalid"


print(
    json.dumps(
        {
            "account": refreshed(given["account"]),
            "user": refreshed(given["user"]),
            "strange_account": refreshed(given["account"] | {"client_email": "x@example.com"}),
            "strange_user": refreshed(given["user"] | {"refresh_token": "x"}),
        }
    )
)
