#!/usr/bin/env bash
# The running API against its own OpenAPI document: schemathesis sends what the document allows and what it forbids, and
# every answer must be one that the document names. All checks, no exclusions, always the same seed.
#
# MAX_EXAMPLES is how many requests it makes up for each operation; default 40.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
readonly root
readonly VERSION=4.32.5
readonly SEED=20261122
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly VENV="$CACHE/schemathesis-$VERSION"
readonly MAX_EXAMPLES="${MAX_EXAMPLES:-40}"
readonly START_SECONDS=30
readonly STOP_SECONDS=12
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

work=$(mktemp -d)
server=

# Only what was started here is stopped, by its process id.
clean_up() {
    if [[ -n $server ]] && kill -0 "$server" 2>/dev/null; then
        kill -KILL "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'schemathesis.sh: %s\n' "$1" >&2
    if [[ -s $work/log ]]; then
        echo 'The end of the server'"'"'s log:' >&2
        tail -n 40 "$work/log" >&2
    fi
    exit 1
}

install_schemathesis() {
    if [[ "$("$VENV/bin/schemathesis" --version 2>/dev/null)" == *" $VERSION" ]]; then
        return
    fi
    echo "Installing schemathesis $VERSION into $VENV"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-input "schemathesis==$VERSION"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_server() {
    local port=$1
    # An event stream has no end of its own; here it tells what there is and ends, so that its answer can be looked at.
    MASK_LIMITS__REQUESTS_PER_MINUTE=0 MASK_SERVER__STREAM_SECONDS=0 "$CARGO_TARGET_DIR/debug/mask" serve --data-dir "$work/data" \
        --listen "127.0.0.1:$port" --public-url "http://localhost:$port" >"$work/out" 2>"$work/log" &
    server=$!
    local began=$SECONDS
    until curl -sf -o "$work/ready" "http://127.0.0.1:$port/readyz" && grep -q mk_live_ "$work/out"; do
        kill -0 "$server" 2>/dev/null || fail 'the server ended at its start'
        ((SECONDS - began < START_SECONDS)) || fail "the server was not ready within $START_SECONDS s"
        sleep 0.1
    done
}

stop_server() {
    kill -TERM "$server"
    local began=$SECONDS
    while kill -0 "$server" 2>/dev/null; do
        ((SECONDS - began < STOP_SECONDS)) || fail "the server did not stop within $STOP_SECONDS s of SIGTERM"
        sleep 0.1
    done
    local status=0
    wait "$server" || status=$?
    server=
    ((status == 0)) || fail "the server stopped with status $status instead of 0"
}

mkdir -p "$CACHE"
# One installation at a time: two clones may be tested at once.
exec 9>"$CACHE/schemathesis.lock"
flock 9
install_schemathesis
exec 9>&-

cargo build -p mask

port=$(free_port)
start_server "$port"
key=$(grep -o 'mk_live_[0-9A-Za-z]\{32\}' "$work/out" | head -n 1) || fail 'the server printed no key on its first start'

# It runs in the temporary folder, as it leaves files where it runs; and it keeps no examples from run to run, which would
# make two runs differ.
status=0
look_at() { # look_at NAME OPTIONS…: the operations that the options choose
    local name=$1
    shift
    (
        cd "$work"
        "$VENV/bin/schemathesis" --config-file "$root/scripts/schemathesis.toml" --no-color run "http://127.0.0.1:$port/api/v1/openapi.json" \
            --checks all --header "Authorization: Bearer $key" --max-examples "$MAX_EXAMPLES" --seed "$SEED" \
            --generation-database none --continue-on-failure --request-timeout 20 "$@"
    ) >"$work/report-$name" 2>&1 || {
        status=$?
        # The whole report: it holds a curl line for each failure.
        cat "$work/report-$name"
    }
}
look_at most --exclude-tag 'API keys'
# Last, as it may well revoke the key that it asks with.
look_at keys --include-tag 'API keys'

stop_server

if ((status != 0)); then
    fail "schemathesis found faults, status $status"
fi
tail -n 25 "$work/report-most"
tail -n 25 "$work/report-keys"
