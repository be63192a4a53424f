#!/usr/bin/env bash
# Signing in by way of a provider that others have written: `oidc-provider` of npm, as three providers that differ in what they sign
# with, how they want to see that it is us, and where they say who somebody is. People come from the button to their account and
# back, with the role that their groups stand for; whoever is not vouched for stays out, and so does whoever has another's code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PROVIDER=8.8.1
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly TOOLS="$CACHE/oidc-provider-$PROVIDER"
readonly WAIT_SECONDS=30
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

work=$(mktemp -d)
server='' provider=''

# Only what was started here is stopped, by its process id.
stop() { # stop PROCESS
    if [[ -n $1 ]]; then kill -TERM "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; fi
}
clean_up() {
    stop "$server"
    stop "$provider"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'oidc.sh: %s\n' "$1" >&2
    for log in "$work/log" "$work/provider.log" "$work/asked.jsonl"; do
        if [[ -s $log ]]; then tail -n 20 "$log" >&2; fi
    done
    exit 1
}

wait_for() { # wait_for WHAT COMMAND…
    local what=$1 began=$SECONDS
    shift
    until "$@"; do
        ((SECONDS - began < WAIT_SECONDS)) || fail "$what: not within $WAIT_SECONDS s"
        sleep 0.1
    done
}

install_tools() {
    if [[ -d $TOOLS ]]; then return; fi
    echo "Installing oidc-provider of npm into $TOOLS"
    rm -rf "$TOOLS.new"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$TOOLS.new" "oidc-provider@$PROVIDER"
    mv "$TOOLS.new" "$TOOLS"
}

mask() { "$CARGO_TARGET_DIR/debug/mask" "$@" --data-dir "$work/data" 2>>"$work/log"; }

start_provider() {
    : >"$work/asked.jsonl"
    node scripts/oidc/provider.mjs "$TOOLS" "$base/auth/oidc/callback" "$work" >"$work/provider.log" 2>&1 &
    provider=$!
    wait_for 'the provider' test -s "$work/issuers.json"
}

start_server() { # start_server KIND SECRET
    local issuer
    issuer=$(node -p "JSON.parse(fs.readFileSync('$work/issuers.json'))['$1']")
    MASK_OIDC__ISSUER="$issuer" MASK_OIDC__CLIENT_ID=mask MASK_OIDC__CLIENT_SECRET="$2" \
        MASK_OIDC__SCOPES='openid email profile groups' MASK_OIDC__ROLES='designers=default:member,bosses=default:admin' \
        MASK_OIDC__MAIL_DOMAINS=example.com MASK_LIMITS__REQUESTS_PER_MINUTE=0 \
        "$CARGO_TARGET_DIR/debug/mask" serve --data-dir "$work/data" --listen "127.0.0.1:$port" --public-url "$base" \
        >>"$work/out" 2>>"$work/log" &
    server=$!
    wait_for 'the server' curl -sf -o "$work/ready" "http://127.0.0.1:$port/readyz"
}

mkdir -p "$CACHE"
# One installation at a time: two clones may be tested at once.
exec 9>"$CACHE/oidc-provider.lock"
flock 9
install_tools
exec 9>&-

cargo build --quiet -p mask
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
base="http://localhost:$port"
start_provider
mask users create --email owner@example.com --name Owner --admin --workspace default --role owner >"$work/link"

for kind in strict plain open; do
    secret='s3cr3t/ +:&%'
    [[ $kind != open ]] || secret=''
    start_server "$kind" "$secret"
    node scripts/oidc/check.mjs "$base" "$work" "$kind" || fail 'see above'
    stop "$server"
    server=''
done

start_server strict 'another secret'
page=$(node scripts/oidc/check.mjs "$base" "$work" strict 2>&1) && fail 'a server with a wrong secret lets people in'
grep -q 'invalid_client' "$work/log" || fail "the log does not say that the secret is wrong: $page"
if grep -q 's3cr3t' "$work/log" "$work/out"; then fail 'the secret is in the log'; fi
stop "$server"
stop "$provider"
provider=''
start_server strict 'another secret'
status=$(curl -s -o "$work/page" -w '%{http_code}' "http://127.0.0.1:$port/auth/oidc/start")
[[ $status == 503 ]] || fail "while the provider is away: $status"
echo 'Signing in at a provider of others: all is as it should be.'
