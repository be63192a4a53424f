"""The load: `mask-load` on its own core, and the requests that it sends."""

import json
import subprocess

from .machine import LOAD_CORE
from .places import LOAD, WORK

# What four browsers send when a person follows a link from another site.
BROWSERS = [
    [
        "sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"",
        "sec-ch-ua-mobile: ?0",
        "sec-ch-ua-platform: \"Windows\"",
        "Upgrade-Insecure-Requests: 1",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-User: ?1",
        "Sec-Fetch-Dest: document",
        "Referer: https://www.google.com/",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8",
    ],
    [
        "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: none",
        "Priority: u=0, i",
        "Accept-Language: de-DE,de;q=0.9",
        "Accept-Encoding: gzip, deflate, br",
    ],
    [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.5",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Referer: https://news.example.org/",
        "Upgrade-Insecure-Requests: 1",
        "Sec-Fetch-Dest: document",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Site: cross-site",
        "Priority: u=0, i",
    ],
    [
        "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: navigate",
        "Sec-Fetch-Dest: document",
        "Referer: android-app://com.google.android.gm/",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: ur-PK,ur;q=0.9,en;q=0.8",
    ],
]


def clicks():
    """Templates of redirects: the first field of a value is the domain, the second the slug."""
    return _templates("click", [["GET /{2} HTTP/1.1", "Host: {1}", "Connection: keep-alive", *lines] for lines in BROWSERS])


def known_pages():
    """Templates of visits to pages of which the browser has a copy: the third field is its entity tag."""
    return _templates("known", [["GET /{2} HTTP/1.1", "Host: {1}", "Connection: keep-alive", *lines, "If-None-Match: {3}"] for lines in BROWSERS])


def many_clicks(versions=12):
    """The same from many versions of these browsers, passed on by a proxy that says for whom: the third field."""
    heads = [
        ["GET /{2} HTTP/1.1", "Host: {1}", "Connection: keep-alive", "X-Forwarded-For: {3}", *(line.replace("142.", f"{142 - version}.").replace("145.0", f"{145 - version}.0").replace("Version/18.6", f"Version/18.{version}") for line in lines)]
        for version in range(versions) for lines in BROWSERS
    ]
    return _templates("many", heads)


def api_gets(key):
    """A template of API requests without a body: the value is what follows `/api/v1`."""
    lines = ["GET /api/v1{1} HTTP/1.1", "Host: localhost", "User-Agent: mask-load", "Accept: application/json"]
    return _templates("get", [[*lines, f"Authorization: Bearer {key}"]])


def api_posts(key, path):
    """A template of API requests with a body: the value is the body."""
    lines = [f"POST /api/v1{path} HTTP/1.1", "Host: localhost", "User-Agent: mask-load", "Content-Type: application/json"]
    return _templates("post", [[*lines, f"Authorization: Bearer {key}", "Content-Length: {length}"]], "{1}")


def ask(server, templates, values, **options):
    """Sends the load, and answers what was seen of it; anything but 2xx, 302 and 304 is an error."""
    command = ["taskset", "-c", str(LOAD_CORE), str(LOAD), "ask", "--connect", getattr(server, "tls_address", None) or server.address, "--values", str(values)]
    if getattr(server, "tls_address", None):
        command += ["--tls", "localhost"]
    for template in templates:
        command += ["--template", str(template)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        ended = server.process.poll()
        state = "runs" if ended is None else f"has ended with {ended}"
        raise RuntimeError(f"{server.name} {state}: {done.stderr}{server.log.read_text()[-1000:]}")
    seen = json.loads(done.stdout)
    wrong = {status: count for status, count in seen["statuses"].items() if status not in ("200", "201", "302", "304")}
    if wrong or seen["failures"]:
        raise RuntimeError(f"{server.name} answered {wrong}, failures {seen['failures']}: {server.log.read_text()[-1000:]}")
    return seen


def values(name, lines):
    """A file of values."""
    path = WORK / "requests" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    return path


def _templates(name, heads, body=""):
    folder = WORK / "requests"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, lines in enumerate(heads):
        path = folder / f"{name}-{number}.http"
        path.write_bytes(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        paths.append(path)
    return paths
