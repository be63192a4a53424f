"""Servers under measurement: each on its own core, with the processor time and the memory that it takes."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import http
from .machine import LOAD_CORE, SERVER_CORE, TICKS
from .places import LOAD, MASK, WORK

DOMAINS = ["go.example", "s.example", "qr.example"]
API_KEY = re.compile(r"mk_live_[0-9A-Za-z]{32}")


class Server:
    """A server's processes, from start to end. On leaving a `with` it is killed, if it still runs."""

    def __init__(self, name, command, port, environment=None, core=SERVER_CORE):
        self.name = name
        self.port = port
        self.command = [str(part) for part in command]
        self.environment = environment or {}
        self.leftovers = []
        WORK.mkdir(parents=True, exist_ok=True)
        self.log = WORK / f"{name}-{port}.log"
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *self.command],
                env={**_without_settings(os.environ), **self.environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.log.unlink(missing_ok=True)
        for folder in self.leftovers:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def wait_until_ready(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"{self.name} does not listen: {self.log.read_text()[-2000:]}")

    def processes(self):
        """Itself and its children: nginx works in one of those."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_s(self):
        """User and system time of all its threads, those that have ended included."""
        return sum(_cpu_ticks(pid) for pid in self.processes()) / TICKS

    def cpu_s_by_thread(self):
        """The time of the threads that run now, by name; threads of one name are added up."""
        times = {}
        for pid in self.processes():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                try:
                    name = (thread / "comm").read_text().strip()
                    used = int((thread / "schedstat").read_text().split()[0]) / 1e9
                except (FileNotFoundError, ProcessLookupError):
                    continue
                times[name] = times.get(name, 0) + used
        return times

    def memory_kb(self):
        """`VmRSS` and its parts, and `VmHWM`, the most that it was."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(kb) for name, kb in re.findall(r"^(VmRSS|VmHWM|RssAnon|RssFile):\s+(\d+)", status, re.M)}

    def stop(self):
        """As an operator would, and waits for its end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)

    def kill(self):
        if self.process.poll() is None:
            # The parent first: nginx's would start another worker in place of one that died.
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


class Mask(Server):
    """The product, as `mask serve` starts it: one answering thread, the rest as it comes unless told otherwise."""

    def __init__(self, folder, name="mask", under=(), certificate=None, **settings):
        """`under` is a command that runs the program, such as valgrind; with a `certificate` (its file and that of its key) the
        load comes over TLS."""
        port, self.metrics_port = free_port(), free_port()
        self.tls_address = None
        self.settings = {
            "MASK_SERVER__THREADS": "1",
            "MASK_LIMITS__REQUESTS_PER_MINUTE": "0",
            "MASK_LINKS__DOMAINS": ",".join(DOMAINS),
            "MASK_LOG__LEVEL": "warn",
            **{f"MASK_{name.upper()}": str(value) for name, value in settings.items()},
        }
        environment = {
            **self.settings,
            "MASK_SERVER__LISTEN": f"127.0.0.1:{port}",
            "MASK_SERVER__PUBLIC_URL": f"http://localhost:{port}",
            "MASK_METRICS__LISTEN": f"127.0.0.1:{self.metrics_port}",
        }
        if certificate:
            self.tls_address = f"127.0.0.1:{free_port()}"
            environment |= {
                "MASK_SERVER__PUBLIC_URL": f"https://localhost:{self.tls_address.split(':')[1]}",
                "MASK_TLS__MODE": "files",
                "MASK_TLS__LISTEN": self.tls_address,
                "MASK_TLS__CERT_FILES": str(certificate[0]),
                "MASK_TLS__KEY_FILES": str(certificate[1]),
            }
        self.folder = Path(folder)
        super().__init__(name, [*under, MASK, "serve", "--data-dir", self.folder], port, environment)

    def api_key(self):
        """The key that the first start printed; kept beside the data for the next ones."""
        kept = self.folder / "key"
        if not kept.exists():
            until = time.monotonic() + 10
            while not (found := API_KEY.search(self.log.read_text())):
                if time.monotonic() > until:
                    raise RuntimeError("no key was printed")
                time.sleep(0.02)
            kept.write_text(found[0])
        return kept.read_text()

    def meters(self):
        text = http.get(self.metrics_port, "/metrics").body.decode()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[:1] != "#" and line}

    def wait_until_drained(self, seconds=300):
        """Until every click is in the database."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if self.meters().get("mask_journal_pending_bytes", 0) == 0:
                    return
            except ConnectionRefusedError:
                # Metrics are listened to a moment after links are.
                if self.process.poll() is not None:
                    raise
            time.sleep(0.05)
        raise RuntimeError(f"the journal is not drained: {self.log.read_text()[-1000:]}")


def nginx(links):
    """nginx with one worker, the links in a `map`, and an access log that holds what a click needs."""
    port = free_port()
    folder = WORK / f"nginx-{port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries = "\n".join(f'/{slug} "{url}";' for slug, url in links)
    (folder / "links.map").write_text(entries)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, domain=DOMAINS[0]))
    server = Server("nginx", ["/usr/sbin/nginx", "-c", folder / "nginx.conf", "-p", folder], port)
    server.leftovers.append(folder)
    return server


NGINX = """
daemon off;
worker_processes 1;
user root;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    log_format click '$msec $uri $status "$http_referer" "$http_user_agent"';
    access_log {folder}/access.log click buffer=64k flush=1s;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    map_hash_max_size 65536;
    map_hash_bucket_size 256;
    map $uri $target {{ include {folder}/links.map; }}
    server {{
        listen 127.0.0.1:{port};
        server_name {domain};
        location / {{
            if ($target) {{ return 302 $target; }}
            return 404;
        }}
    }}
}}
"""


def floor():
    """A socket loop that answers a constant."""
    port = free_port()
    return Server("floor", [LOAD, "floor", "--listen", f"127.0.0.1:{port}"], port)


class Receiver(Server):
    """Takes webhooks, on the core of the load. Each host is an endpoint with connections of its own; a silent one reads
    what comes and never answers."""

    def __init__(self, hosts=("127.0.0.1",), is_silent=False, core=LOAD_CORE):
        port = free_port()
        listen = [part for host in hosts for part in ("--listen", f"{host}:{port}")]
        self.urls = [f"http://{host}:{port}/hook" for host in hosts]
        super().__init__("receiver", [LOAD, "receive", *listen, *(["--silent", "yes"] if is_silent else [])], port, core=core)

    def seen(self):
        """What came since it was started."""
        return http.get(self.port, "/").json()


given = set()


def free_port():
    """A port that nobody listens on and nobody was given before, below those that the system gives to clients: whoever tries
    again and again to reach one of those before its server is there may be given that very port, and then reaches itself."""
    for port in random.sample([port for port in range(20_000, 32_000) if port not in given], 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                given.add(port)
                return port
            except OSError:
                continue
    raise RuntimeError("no port is free")


def _without_settings(environment):
    """Nobody's own settings of Mask are measured."""
    return {name: value for name, value in environment.items() if not name.startswith("MASK_")}


def _cpu_ticks(pid):
    try:
        # The name, in brackets, may hold spaces; the fields behind it cannot.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])
