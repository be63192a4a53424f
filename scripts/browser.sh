#!/usr/bin/env bash
# Bio pages in a real browser: Chromium of the system, through playwright-core, with axe-core looking on.
#   scripts/browser.sh              what is checked with every change
#   scripts/browser.sh lighthouse   Lighthouse over each theme, each of whose scores is at least 98
# The first is a step of scripts/test.sh; the second is run by hand, as it measures time.
# Pictures of every theme and the reports are left in browser/artefacts, or where BROWSER_ARTEFACTS says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WHAT=${1:-check}
readonly PLAYWRIGHT=1.65.1 AXE=4.14.1 LIGHTHOUSE=12.8.2
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly ARTEFACTS="${BROWSER_ARTEFACTS:-$PWD/browser/artefacts}"
readonly DOMAIN='pages.localhost' # browsers know that this is here
readonly WAIT_SECONDS=30
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

case $WHAT in
check) packages=("playwright-core@$PLAYWRIGHT" "axe-core@$AXE") ;;
lighthouse) packages=("playwright-core@$PLAYWRIGHT" "lighthouse@$LIGHTHOUSE") ;;
*) printf 'browser.sh: there is check and lighthouse, not %s\n' "$WHAT" >&2 && exit 2 ;;
esac
readonly TOOLS="$CACHE/browser-$WHAT-$PLAYWRIGHT-$AXE-$LIGHTHOUSE"

work=$(mktemp -d)
server=''

# Only what was started here is stopped, by its process id.
clean_up() {
    if [[ -n $server ]]; then kill -TERM "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'browser.sh: %s\n' "$1" >&2
    if [[ -s $work/log ]]; then tail -n 20 "$work/log" >&2; fi
    exit 1
}

install_tools() {
    if [[ -d $TOOLS ]]; then return; fi
    echo "Installing ${packages[*]} into $TOOLS"
    rm -rf "$TOOLS.new"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$TOOLS.new" "${packages[@]}"
    mv "$TOOLS.new" "$TOOLS"
}

wait_for() { # wait_for WHAT COMMAND…
    local what=$1 began=$SECONDS
    shift
    until "$@"; do
        ((SECONDS - began < WAIT_SECONDS)) || fail "$what: not within $WAIT_SECONDS s"
        sleep 0.1
    done
}

start_server() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    base="http://127.0.0.1:$port"
    MASK_LIMITS__REQUESTS_PER_MINUTE=0 MASK_LINKS__DOMAINS="$DOMAIN" "$CARGO_TARGET_DIR/debug/mask" serve \
        --data-dir "$work/data" --listen "127.0.0.1:$port" --public-url "http://localhost:$port" >"$work/out" 2>"$work/log" &
    server=$!
    wait_for 'the server' grep -q mk_live_ "$work/out"
    wait_for 'the server' curl -sf -o "$work/ready" "$base/readyz"
    key=$(grep -o 'mk_live_[0-9A-Za-z]\{32\}' "$work/out" | head -n 1)
}

mkdir -p "$CACHE"
exec 9>"$CACHE/browser.lock"
flock 9
install_tools
flock -u 9

[[ -x /usr/bin/chromium ]] || fail '/usr/bin/chromium is not there; on Debian: apt-get install chromium'
cargo build --quiet -p mask
start_server
node "browser/$WHAT.mjs" "$TOOLS" "$base" "$key" "$DOMAIN" "$ARTEFACTS" || fail 'see above'
