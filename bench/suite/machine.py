"""The machine: what it is, and how busy it is with other things."""

import hashlib
import os
import platform
import subprocess
import time

from .places import MASK, REPOSITORY

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = 0, 1


def description():
    """What figures of this machine must be read with."""
    return {
        "machine": platform.node(),
        "processor": f"{os.cpu_count()} × {_value('/proc/cpuinfo', 'model name')}",
        "memory_mb": int(_value("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "system": _value("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
        "kernel": platform.release(),
        "disk": _output("findmnt", "-no", "FSTYPE", "-T", str(REPOSITORY)),
        "commit": _output("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"),
        "binary_sha256": hashlib.sha256(MASK.read_bytes()).hexdigest()[:16],
        "nginx": _output("/usr/sbin/nginx", "-v", errors=True).rpartition("/")[2],
        "rustc": _output("rustc", "--version"),
    }


class Watch:
    """How much of the machine others took while this was open: `others_cores` are the cores that were busy with neither
    the server nor the load. The load average is kept beside it, but tells less: it counts what is being measured too."""

    def __init__(self):
        self.load_average = os.getloadavg()[0]
        self.began = time.monotonic()
        self.busy_before = _busy_seconds()

    def end(self, measured_cpu_s):
        wall = time.monotonic() - self.began
        others = (_busy_seconds() - self.busy_before - measured_cpu_s) / wall
        return {"load_average_before": round(self.load_average, 2), "others_cores": round(max(others, 0), 3)}


def _busy_seconds():
    with open("/proc/stat") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def _value(path, name, separator=":"):
    with open(path) as lines:
        for line in lines:
            key, _, value = line.partition(separator)
            if key.strip() == name:
                return value.strip()
    return "unknown"


def _output(*command, errors=False):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return (done.stderr if errors else done.stdout).strip() or "unknown"
