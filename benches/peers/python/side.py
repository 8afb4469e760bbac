"""pywebpush at one task; the work is JSON on standard input."""

import asyncio
import base64
import concurrent.futures
import json
import resource
import sys
import time

import aiohttp
import http_ece
import pywebpush
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid

SIDE = sys.argv[1]
WORK = json.load(sys.stdin)
PLACE = WORK["place"]
COUNT = WORK["count"]
SUBSCRIPTION = {
    "endpoint": WORK["endpoint"],
    "keys": {"p256dh": PLACE["p256dh"], "auth": PLACE["auth"]},
}


def octets(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def claims():
    return {"sub": "mailto:bench@push-bench.net"}


def seal():
    body = pywebpush.WebPusher(SUBSCRIPTION).encode(WORK["text"].encode(), "aes128gcm")["body"]
    return text(body)


def request():
    return pywebpush.webpush(
        SUBSCRIPTION, WORK["text"], PLACE["vapid"], claims(), ttl=86400, curl=True
    )


def open_body():
    key = ec.derive_private_key(int.from_bytes(octets(PLACE["private_key"]), "big"), ec.SECP256R1())
    opened = http_ece.decrypt(
        octets(WORK["body"]), private_key=key, auth_secret=octets(PLACE["auth"]),
        version="aes128gcm",
    )
    return opened.decode()


def send_one(_):
    try:
        pywebpush.webpush(SUBSCRIPTION, WORK["text"], PLACE["vapid"], claims(), ttl=86400)
        return True
    except Exception:
        return False


def send_in_threads(count):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return sum(pool.map(send_one, range(count)))


async def send_in_tasks(count, session, headers):
    left = iter(range(count))
    accepted = 0

    async def worker():
        nonlocal accepted
        for _ in left:
            try:
                if headers is None:
                    await pywebpush.webpush_async(
                        SUBSCRIPTION, WORK["text"], PLACE["vapid"], claims(), ttl=86400,
                        aiohttp_session=session,
                    )
                else:
                    await pywebpush.webpush_async(
                        SUBSCRIPTION, WORK["text"], headers=headers, ttl=86400,
                        aiohttp_session=session,
                    )
                accepted += 1
            except Exception:
                pass

    await asyncio.gather(*(worker() for _ in range(WORK["in_flight"])))
    return accepted


def cached_header():
    origin = "/".join(WORK["endpoint"].split("/")[:3])
    expiry = int(time.time()) + 12 * 3600
    return Vapid.from_string(PLACE["vapid"]).sign({**claims(), "aud": origin, "exp": expiry})


async def send_async():
    headers = cached_header() if SIDE.endswith("-cached") else None
    connector = aiohttp.TCPConnector(limit=WORK["in_flight"])
    async with aiohttp.ClientSession(connector=connector) as session:
        await send_in_tasks(WORK["warm_up"], session, headers)
        meter = Meter()
        accepted = await send_in_tasks(COUNT, session, headers)
        return meter.stop(accepted)


class Meter:
    def __init__(self):
        self.started = time.perf_counter()
        self.cpu = time.process_time()

    def stop(self, accepted):
        return {
            "cpu": (time.process_time() - self.cpu) * 1e6 / COUNT,
            "rate": COUNT / (time.perf_counter() - self.started),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "accepted": accepted,
            "failed": COUNT - accepted,
        }


def main():
    once = {"Seal": seal, "Request": request, "Open": open_body}.get(WORK["task"])
    if once and COUNT == 1:
        return once()
    if once:
        for _ in range(WORK["warm_up"]):
            once()
        meter = Meter()
        for _ in range(COUNT):
            once()
        return meter.stop(COUNT)
    if SIDE.startswith("python-aiohttp"):
        return asyncio.run(send_async())
    send_in_threads(WORK["warm_up"])
    meter = Meter()
    return meter.stop(send_in_threads(COUNT))


print(json.dumps(main()))
