"""What is counted and not timed: system calls, instructions and allocations of a redirect."""

import re
import shutil
import signal
import subprocess
import time
from collections import Counter

from .places import WORK
from .servers import Mask


def system_calls(bench, servers, ask, requests=20_000):
    """System calls for each request, by name, of all threads of the server."""
    for server in servers:
        pids = [part for pid in server.processes() for part in ("-p", str(pid))]
        summary = WORK / "strace.txt"
        strace = subprocess.Popen(["strace", "-c", "-f", "-o", summary, *pids], stderr=subprocess.PIPE, text=True)
        attached = strace.stderr.readline()
        if "attached" not in attached:
            bench.note(f"system calls of {server.name} could not be counted: {attached.strip()}")
            continue
        ask(server, requests)
        strace.send_signal(signal.SIGINT)
        strace.wait()
        counted = _strace_counts(summary.read_text())
        summary.unlink()
        most = {name: round(count / requests, 3) for name, count in counted.items() if count / requests >= 0.005}
        bench.run.add({"kind": "system calls", "server": server.name, "requests": requests, "per_request": most})
        listed = ", ".join(f"{name} {count:g}" for name, count in most.items())
        bench.note(f"system calls for each redirect, {server.name} under strace: {sum(counted.values()) / requests:.2f} ({listed})")


def instructions_and_allocations(bench, folder, ask):
    """What a redirect executes and allocates outside the kernel, as callgrind sees it: the same however busy the machine is.
    The drain is put off. The allocator is linked into the program, so nothing can be put in its place to count."""
    if not shutil.which("valgrind"):
        return bench.note("instructions and allocations were not counted: valgrind is not installed")
    seen = []
    with Mask(folder, "traced", under=[*CALLGRIND, f"--callgrind-out-file={WORK}/callgrind.out"], clicks__drain_interval_ms=60_000) as server:
        server.wait_until_ready(seconds=120)
        ask(server, TRACED)
        for requests in (TRACED, 3 * TRACED):
            _control("--zero", server)
            ask(server, requests)
            _control("--dump", server)
            seen.append(_profile(max(WORK.glob("callgrind.out.*"), key=lambda path: path.stat().st_mtime)))
    for dump in WORK.glob("callgrind.out*"):
        dump.unlink()
    few, many = seen
    # The difference is free of what happens anyway: connecting, the clock, the journal's thread.
    each = {what: {name: (count - few[what][name]) / (2 * TRACED) for name, count in many[what].items()} for what in many}
    rounded = {what: {name: round(count, 2) for name, count in sorted(counts.items(), key=lambda pair: -pair[1]) if count > 0.02} for what, counts in each.items()}
    bench.run.add({"kind": "profile", "per_request": rounded})
    allocating = ", ".join(f"{name} {count:.2g}" for name, count in list(rounded["allocations"].items())[:6])
    costly = ", ".join(f"{name} {count:.0f}" for name, count in list(rounded["instructions"].items())[:12])
    bench.note(f"allocations for each redirect: {sum(each['allocations'].values()):.2f} (by {allocating})")
    bench.note(f"instructions for each redirect outside the kernel: {sum(each['instructions'].values()):.0f} (most in {costly})")


TRACED = 1_000
CALLGRIND = ["valgrind", "--quiet", "--tool=callgrind"]
# Whatever Rust allocates by goes through one of these functions of mimalloc; freeing is not counted.
ALLOCATORS = re.compile(r"mi_(malloc|zalloc|calloc|realloc|rezalloc)_aligned")


def _control(what, server):
    subprocess.run(["callgrind_control", what, str(server.process.pid)], check=True, capture_output=True)
    time.sleep(0.2)


def _profile(dump):
    """Instructions by function, and calls of the allocator by caller, from callgrind's own format: lines of cost follow the
    function that they belong to; the line after `calls=` is the cost of what was called, and counted there."""
    names, instructions, allocations = {}, Counter(), Counter()
    function = called = None
    is_of_call = False
    for line in dump.read_text().splitlines():
        if found := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?$", line):
            if found[3]:
                names[found[2]] = re.sub(r"'\d+$", "", found[3])
            if found[1]:
                called = names[found[2]]
            else:
                function = names[found[2]]
        elif line.startswith("calls="):
            is_of_call = True
            if ALLOCATORS.fullmatch(called):
                allocations[function] += int(line[6:].split()[0])
        elif re.match(r"[+\-*\d]", line) and function:
            if not is_of_call:
                instructions[function] += int(line.split()[1])
            is_of_call = False
    return {"instructions": instructions, "allocations": allocations}


def _strace_counts(text):
    """The column `calls` of strace's summary; that of errors may be empty."""
    counts = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) in (5, 6) and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
            counts[fields[-1]] = int(fields[3])
    return counts
