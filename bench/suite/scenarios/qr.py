"""QR codes: a PNG of 512 pixels in at most 2 ms of processor time, an SVG in at most 0.2 ms, in each shape.

Each picture is of another address, so nothing can be kept from one to the next; the middle of all pictures of a round
counts, in its thread's own processor time. Beside it, in turn, the same codes by the crate `qrcode`. No server is involved:
what an answer takes beyond its picture is not a matter of pictures.
"""

import json
import subprocess

from ..machine import SERVER_CORE
from ..places import PICTURES
from ..record import without_places

NAME = "qr"
PNG_MS, SVG_MS = 2, 0.2
SECONDS = 2
OURS = {
    "png": ("QR code as PNG, 512 pixels, CPU", ("at most", PNG_MS), "qrcode-png"),
    "svg": ("QR code as SVG, CPU", ("at most", SVG_MS), "qrcode-svg"),
    "rounded-png": ("the same as PNG, rounded", ("at most", PNG_MS), None),
    "dots-png": ("the same as PNG, dots", ("at most", PNG_MS), None),
    "rounded-svg": ("the same as SVG, rounded", ("at most", SVG_MS), None),
    "dots-svg": ("the same as SVG, dots", ("at most", SVG_MS), None),
    "pdf": ("the same as PDF", None, None),
    "check": ("whether a look scans: drawn and read back at 128 and 512 pixels", None, None),
}
PEERS = ("qrcode-png", "qrcode-svg")


def run(bench):
    seconds = min(bench.seconds(SECONDS), SECONDS)
    bench.run.add({"kind": "command", "server": "mask-pictures", "command": without_places(f"{PICTURES} WHAT {seconds}"), "load": "as many pictures as there is time for"})
    seen = bench.rounds(bench.count(5, 1), {what: lambda what=what: drawn(what, seconds) for what in (*OURS, *PEERS)})
    milliseconds = {what: [round_["cpu_ms"] for round_ in rounds] for what, rounds in seen.items()}
    for what, (name, promise, peer) in OURS.items():
        floor = (sorted(milliseconds[peer])[len(milliseconds[peer]) // 2], f"the crate `qrcode`, {seen[peer][0]['bytes']:,} bytes") if peer else None
        bench.figure(name, milliseconds[what], "ms", promise, floor=floor, note=f"{name}: {seen[what][0]['bytes']:,} bytes" if what != "check" else "")


def drawn(what, seconds):
    command = ["taskset", "-c", str(SERVER_CORE), str(PICTURES), what, str(seconds)]
    numbers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {
        "pictures": numbers["pictures"],
        "cpu_ms": round(numbers["cpu_ns"] / 1e6, 4),
        "bytes": numbers["bytes"],
        "measured_cpu_s": numbers["cpu_s"],
    }
