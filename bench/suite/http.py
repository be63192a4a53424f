"""A request at a time, where nothing is measured but whether it works."""

import http.client
import json
from dataclasses import dataclass


@dataclass
class Reply:
    """An answer."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def ask(port, method, path, body=None, headers=None, timeout=60):
    """Sends a request to a server on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        text = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, text, {**kind, **(headers or {})})
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def get(port, path, headers=None, timeout=60):
    return ask(port, "GET", path, headers=headers, timeout=timeout)
