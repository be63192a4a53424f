#!/usr/bin/env bash
# Gets the public lists of user agents that crates/core/tests/agents.rs measures against, as tables of few columns, and
# keeps them in the cache: what uap-core's own tests expect, and samples of crawlers. Prints the folder that they are in.
#
# uap-core's package in npm leaves its tests out; the crate `ua-parser`, by the same people, carries them. So cargo fetches
# them and nothing more has to be installed. Neither list becomes part of the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly UAP=0.2.2
readonly CRAWLERS=1.67.0
readonly PYYAML=6.0.3
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly LISTS="$CACHE/agents-$UAP-$CRAWLERS"

work=
clean_up() { if [[ -n $work ]]; then rm -rf "$work"; fi; }
trap clean_up EXIT

fetch_uap() {
    mkdir -p "$work/fetch/src"
    echo 'fn main() {}' >"$work/fetch/src/main.rs"
    cat >"$work/fetch/Cargo.toml" <<TOML
[package]
name = "fetch"
version = "0.0.0"
edition = "2024"
[dependencies]
ua-parser = "=$UAP"
[workspace]
TOML
    cargo vendor --quiet --manifest-path "$work/fetch/Cargo.toml" --versioned-dirs "$work/crates" >"$work/vendor.log"
}

fetch_crawlers() {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-input --only-binary :all: \
        "PyYAML==$PYYAML" "crawler-user-agents==$CRAWLERS"
}

# Each table has one user agent a line; in those of uap-core the expected family and a tab stand before it. An agent that
# would not fit on a line is left out, and counted.
write_tables() {
    "$work/venv/bin/python" - "$work/crates/ua-parser-$UAP/uap-core" "$work/lists" <<'PYTHON'
import pathlib, sys
import crawleruseragents
import yaml

core, lists = map(pathlib.Path, sys.argv[1:])


def write(name, rows):
    rows = list(rows)
    whole = ["\t".join(row) for row in rows if not set("\t\r\n") & set("".join(row))]
    (lists / name).write_bytes("".join(f"{line}\n" for line in whole).encode())
    print(f"{name}: {len(whole)} user agents, {len(rows) - len(whole)} left out", file=sys.stderr)


def cases(*names):
    for name in names:
        text = (core / name).read_text(encoding="utf-8")
        for case in yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["test_cases"]:
            yield str(case["family"]), str(case["user_agent_string"])


lists.mkdir()
write("browsers.tsv", cases("tests/test_ua.yaml"))
write("systems.tsv", cases("tests/test_os.yaml", "test_resources/additional_os_tests.yaml"))
write("devices.tsv", cases("tests/test_device.yaml"))
more = ("firefox_user_agent", "opera_mini_user_agent", "podcasting_user_agent")
more = [f"test_resources/{name}_strings.yaml" for name in more]
write("more-browsers.tsv", cases("test_resources/pgts_browser_list.yaml", *more))
write("crawlers.tsv", [(agent,) for row in crawleruseragents.CRAWLER_USER_AGENTS_DATA for agent in row["instances"]])
PYTHON
}

if [[ ! -d $LISTS ]]; then
    mkdir -p "$CACHE"
    # One fetch at a time, and the folder appears when it is whole.
    exec 9>"$CACHE/agents.lock"
    flock 9
    work=$(mktemp -d "$CACHE/agents.XXXXXX")
    fetch_uap
    fetch_crawlers
    write_tables
    [[ -d $LISTS ]] || mv "$work/lists" "$LISTS"
fi
echo "$LISTS"
