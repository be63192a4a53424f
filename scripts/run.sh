#!/usr/bin/env bash
# `make run`, as a person has it: started on a folder of its own, the line that it prints pasted, the link that comes of it
# followed, and the click seen, with the country that it came from. A second start begins nothing anew. It is built as the tests are, so nothing is built twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly BROWSER='Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
readonly START_SECONDS=600 # what is not built yet is built
readonly WAIT_SECONDS=30
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mask/target}"

work=$(mktemp -d)
run=

# Only what was started here is stopped, by its process id; make passes it on.
stop() {
    if [[ -n $run ]]; then
        kill -TERM "$run" 2>/dev/null && wait "$run" 2>/dev/null || true
        run=
    fi
}
clean_up() {
    stop
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'run.sh: %s\n' "$1" >&2
    tail -n 20 "$work/log" "$work/out" >&2 || true
    exit 1
}

wait_for() { # wait_for SECONDS WHAT COMMAND…
    local seconds=$1 what=$2 began=$SECONDS
    shift 2
    until "$@"; do
        [[ -z $run ]] || kill -0 "$run" 2>/dev/null || fail "$what: it has ended"
        ((SECONDS - began < seconds)) || fail "$what: not within $seconds s"
        sleep 0.1
    done
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
base=http://127.0.0.1:$port

# A visitor from Germany, as the lists have it: by way of a proxy on this machine.
export MASK_PROXY__TRUSTED=127.0.0.1/32
visitor=$(python3 -c 'import ipaddress; print(next(ipaddress.ip_address(int(line.split(",")[0]) + 1)
    for line in open("/usr/share/tor/geoip") if line.rstrip().endswith(",DE")))')

start() {
    make --no-print-directory run RUN_PROFILE=dev \
        ARGS="--data-dir $work/data --listen 127.0.0.1:$port --public-url $base" >"$work/out" 2>"$work/log" &
    run=$!
    wait_for "$START_SECONDS" 'the start' curl --silent --fail --output "$work/ready" "$base/readyz"
}

is_greeted() { grep -q '^All the rest is at' "$work/out"; }
is_counted() { # is_counted ID
    [[ $(curl --silent --fail "$base/api/v1/links/$1" -H "Authorization: Bearer $key") == *'"clicks":1,'* ]]
}
is_from_germany() {
    [[ $(curl --silent --fail "$base/api/v1/analytics/clicks?groupBy=country" -H "Authorization: Bearer $key") == *'"DE"'* ]]
}
member() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/link" "$1"; }

start
wait_for "$WAIT_SECONDS" 'the greeting' is_greeted
key=$(sed -n 's/^ *\(mk_live_[A-Za-z0-9]*\)$/\1/p' "$work/out")
line=$(sed -n 's/^ *\(curl .*\)$/\1/p' "$work/out")
[[ -n $key && $line == *"$key"* ]] || fail 'no key, or no line with it'
sh -c "$line" >"$work/link" 2>>"$work/log" || fail "what it says to paste does not work: $line"
led=$(curl --silent --output /dev/null --user-agent "$BROWSER" --header "X-Forwarded-For: $visitor" --write-out '%{http_code} %{redirect_url}' "$(member short_url)")
[[ $led == '302 https://example.com/' ]] || fail "the link leads to $led"
wait_for "$WAIT_SECONDS" 'the click' is_counted "$(member id)"
wait_for "$WAIT_SECONDS" 'its country' is_from_germany

stop
start
is_counted "$(member id)" || fail 'a second start has lost the link, the click or the key'
! grep -q 'mk_live_' "$work/out" || fail 'a second start prints another key'
echo 'make run: started, pasted, followed, counted, told where from, and started again'
