"""An outbox with deliveries in it, written as the product writes it, while no server runs.

All events are copies of one that a server wrote of a real click; only their ids differ.
"""

import random
import sqlite3
import time

from . import data, http, load, servers

LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
ALLOWED = {"outbound__allow_networks": "127.0.0.0/8"}


def subscribed(name, urls, events):
    """The folder of an installation in which these addresses are subscribed to these events, and one click was told."""
    folder = data.fresh(name)
    with servers.Receiver() as receiver, servers.Mask(folder, **ALLOWED) as server:
        receiver.wait_until_ready()
        server.wait_until_ready()
        link = next(data.MadeUp(seed=7))
        data.create(server, [link])
        first = subscribe(server, receiver.urls[0], ["link.clicked"])
        clicked = load.values("one", [f"{link['domain']}\t{link['slug']}"])
        load.ask(server, load.clicks(), clicked, pick="each")
        wait_until(lambda: delivered(server) >= 1)
        api(server, "DELETE", f"/webhooks/{first['id']}", 204)
        for url in urls:
            subscribe(server, url, events)
        server.stop()
    return folder


def subscribe(server, url, events):
    return api(server, "POST", "/webhooks", 201, {"url": url, "events": events})


def api(server, method, path, status, body=None):
    reply = http.ask(server.port, method, "/api/v1" + path, body, {"Authorization": f"Bearer {server.api_key()}", "Host": "localhost"})
    if reply.status != status:
        raise RuntimeError(f"{method} {path}: {reply.status} {reply.body[:300]}")
    return reply.json() if reply.body else None


def fill(folder, count):
    """So many events that are due, for the subscriptions in turn."""
    database = sqlite3.connect(folder / "mask.db", isolation_level=None)
    # What is written here need not outlast a power cut.
    database.execute("PRAGMA synchronous = OFF")
    webhooks = [number for (number,) in database.execute("SELECT number FROM webhooks ORDER BY number")]
    id_, kind, request, body = database.execute("SELECT id, kind, request, body FROM events ORDER BY seq LIMIT 1").fetchone()
    (last,) = database.execute("SELECT max(seq) FROM events").fetchone()
    now, chance = int(time.time() * 1000), random.Random(8)

    def events():
        for place in range(count):
            other = id_[:14] + "".join(chance.choices(LETTERS, k=len(id_) - 14))
            yield last + 1 + place, other, kind, request, body.replace(id_, other), now

    database.execute("BEGIN")
    database.executemany("INSERT INTO events (seq, id, kind, request, body, created_at) VALUES (?, ?, ?, ?, ?, ?)", events())
    database.executemany(
        "INSERT INTO deliveries (webhook, event, kind, state, due_at, tries, attempts, created_at) VALUES (?, ?, ?, 0, ?, 0, 0, ?)",
        ((webhooks[place % len(webhooks)], last + 1 + place, kind, now, now) for place in range(count)),
    )
    database.execute("COMMIT")
    database.close()


def delivered(server):
    return server.meters().get('mask_webhook_attempts_total{result="succeeded"}', 0)


def wait_until(is_so, seconds=300):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if is_so():
                return
        except ConnectionRefusedError:
            # Metrics are listened to a moment after links are.
            pass
        time.sleep(0.02)
    raise RuntimeError("it does not get there")


def wait_until_settled(folder, seconds=300):
    """Until the database says of nothing that it waits."""
    database = sqlite3.connect(f"file:{folder / 'mask.db'}?mode=ro", uri=True, timeout=5)
    try:
        wait_until(lambda: database.execute("SELECT 1 FROM deliveries WHERE state = 0 LIMIT 1").fetchone() is None, seconds)
    finally:
        database.close()
