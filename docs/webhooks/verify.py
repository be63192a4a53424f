import base64, hashlib, hmac, json, sys, time

TOLERANCE_SECONDS = 300


def verify(secret: str, headers, body: bytes) -> dict:
    """The event, or a ValueError. `headers` are in lower case; `body` is the bytes that came, before any parsing."""
    event_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("too old, or from the future")
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key(secret), signed, hashlib.sha256)).decode()
    # While a secret is being changed there are several signatures, separated by spaces.
    if not any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split(" ")):
        raise ValueError("not signed with this secret")
    return json.loads(body)


def key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            pass
    return secret.encode()


if __name__ == "__main__":
    secret, headers_file, body_file = sys.argv[1:]
    event = verify(secret, json.load(open(headers_file)), open(body_file, "rb").read())
    print(event["id"], event["type"])
