#!/usr/bin/env bash
# Measures the promises of bench/README.md, or those of the scenarios that are named:
#
#   bench/run.sh [--quick] [--repeats N] [redirect-hot | page | redirect-cold | start | memory | create | list | analytics | webhooks | qr]…
#
# --quick makes rounds short, to see that everything runs; its figures mean nothing and are kept apart.
# BENCH_PROGRAM measures that program in place of a fresh build. The peer of `analytics`, DuckDB, is installed from PyPI into
# an environment of its own below the cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
target="${CARGO_TARGET_DIR:-$cache/target}"
readonly DUCKDB=2.0.0

# Whether a scenario is to be measured: it is named, or none is.
wanted() {
    local name=$1 argument is_any_named=
    shift
    for argument in "$@"; do
        [[ $argument == "$name" ]] && return
        [[ $argument == --* || $argument =~ ^[0-9]+$ ]] || is_any_named=yes
    done
    [[ -z $is_any_named ]]
}

missing=()
for command in nginx strace; do
    PATH="$PATH:/usr/sbin" command -v "$command" >/dev/null || missing+=("$command")
done
if ((${#missing[@]})); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        echo "Not found: ${missing[*]}. On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    # Debian starts a server as soon as it is installed; this one is started by the measurement alone.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
    rm -f /usr/sbin/policy-rc.d
fi

if [[ -z "${BENCH_PROGRAM:-}" ]]; then
    cargo build --release --locked -p mask --target-dir "$target"
    BENCH_PROGRAM="$target/release/mask"
fi
cargo build --release --locked --manifest-path bench/load/Cargo.toml --target-dir "$target/bench"

if wanted qr "$@"; then
    cargo build --release --locked --manifest-path bench/pictures/Cargo.toml --target-dir "$target/bench"
    export BENCH_PICTURES="$target/bench/release/mask-pictures"
fi

if wanted analytics "$@"; then
    cargo build --release --locked --manifest-path bench/clicks/Cargo.toml --target-dir "$target/bench"
    venv="$cache/duckdb-$DUCKDB"
    if ! "$venv/bin/python" -c 'import duckdb' 2>/dev/null; then
        echo "Installing DuckDB $DUCKDB into $venv"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input "duckdb==$DUCKDB"
    fi
    export BENCH_CLICKS="$target/bench/release/mask-clicks" BENCH_DUCKDB_PYTHON="$venv/bin/python"
fi

export BENCH_PROGRAM BENCH_LOAD="$target/bench/release/mask-load" PYTHONDONTWRITEBYTECODE=1
cd bench
exec python3 -m suite "$@"
