#!/usr/bin/env bash
# Signatures of real deliveries, verified by others: by the programs of docs/webhooks.md, as they stand there, and by the
# packages `standardwebhooks` of PyPI and npm. Each must take what was sent, and refuse it when it was changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
readonly root
readonly PYPI=1.1.0
readonly NPM=1.1.1
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly TOOLS="$CACHE/standardwebhooks-$PYPI-$NPM"
readonly WAIT_SECONDS=30
readonly PLAIN='a-secret-of-our-own-choosing'
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

work=$(mktemp -d)
server='' receiver=''

# Only what was started here is stopped, by its process id.
clean_up() {
    for process in $server $receiver; do
        kill -TERM "$process" 2>/dev/null && wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'webhooks.sh: %s\n' "$1" >&2
    if [[ -s $work/log ]]; then tail -n 20 "$work/log" >&2; fi
    exit 1
}

install_tools() {
    if [[ -d $TOOLS ]]; then return; fi
    echo "Installing standardwebhooks of PyPI and npm into $TOOLS"
    local new="$TOOLS.new"
    rm -rf "$new"
    python3 -m venv "$new"
    "$new/bin/pip" install --quiet --disable-pip-version-check --no-input "standardwebhooks==$PYPI"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$new" "standardwebhooks@$NPM"
    # A venv knows where it lies by absolute paths; its interpreter does not.
    mv "$new" "$TOOLS"
}

# A project of its own, as a reader of the guide would have: with the crates that it names, in the versions that we use.
build_rust() {
    local project="$work/verify"
    mkdir "$project"
    {
        printf '[package]\nname = "verify"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n'
        sed -n '1s/^\/\/! //p' "$root/docs/webhooks/verify.rs" | sed 's/", /"\n/g'
        printf '[[bin]]\nname = "verify"\npath = "%s"\n[workspace]\n' "$root/docs/webhooks/verify.rs"
    } >"$project/Cargo.toml"
    cp Cargo.lock "$project/Cargo.lock"
    CARGO_TARGET_DIR="$CARGO_TARGET_DIR/verify" cargo build --quiet --manifest-path "$project/Cargo.toml"
}

wait_for() { # wait_for WHAT COMMAND…
    local what=$1 began=$SECONDS
    shift
    until "$@"; do
        ((SECONDS - began < WAIT_SECONDS)) || fail "$what: not within $WAIT_SECONDS s"
        sleep 0.1
    done
}

# Takes what comes, and keeps the n-th request's headers and body as n.headers (JSON) and n.body.
start_receiver() {
    python3 - "$work" <<'PYTHON' &
import http.server, itertools, json, os, pathlib, sys

work, number = pathlib.Path(sys.argv[1]), itertools.count(1)


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body, name = self.rfile.read(int(self.headers["content-length"])), str(next(number))
        (work / f"{name}.headers").write_text(json.dumps({key.lower(): value for key, value in self.headers.items()}))
        (work / f"{name}.part").write_bytes(body)
        os.rename(work / f"{name}.part", work / f"{name}.body")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
(work / "port.part").write_text(str(server.server_port))
os.rename(work / "port.part", work / "port")
server.serve_forever()
PYTHON
    receiver=$!
    wait_for 'the receiver' test -s "$work/port"
}

start_server() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    base="http://127.0.0.1:$port"
    MASK_OUTBOUND__ALLOW_NETWORKS=127.0.0.0/8 "$CARGO_TARGET_DIR/debug/mask" serve --data-dir "$work/data" \
        --listen "127.0.0.1:$port" --public-url "http://localhost:$port" >"$work/out" 2>"$work/log" &
    server=$!
    wait_for 'the server' grep -q mk_live_ "$work/out"
    wait_for 'the server' curl -sf -o "$work/ready" "$base/readyz"
    key=$(grep -o 'mk_live_[0-9A-Za-z]\{32\}' "$work/out" | head -n 1)
}

ask() { # ask METHOD PATH BODY
    curl -sS --fail-with-body -X "$1" "$base/api/v1$2" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$3"
}

member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# The n-th delivery, as each verifier is given it: NAME.headers and NAME.body.
change() { # change NUMBER NAME PYTHON
    python3 - "$work/$1" "$work/$2" "$3" <<'PYTHON'
import base64, hashlib, hmac, json, pathlib, sys, time
old, new, change = sys.argv[1:]
headers, body = json.loads(pathlib.Path(old + ".headers").read_text()), pathlib.Path(old + ".body").read_bytes()
scope = {"headers": headers, "body": body, "base64": base64, "hashlib": hashlib, "hmac": hmac, "time": time}
exec(change, scope)
pathlib.Path(new + ".headers").write_text(json.dumps(scope["headers"]))
pathlib.Path(new + ".body").write_bytes(scope["body"])
PYTHON
}

cat >"$work/pypi.py" <<'PYTHON'
import json, sys
from standardwebhooks import Webhook
secret, headers, body = sys.argv[1:]
Webhook(secret).verify(open(body).read(), json.load(open(headers)))
PYTHON
cat >"$work/npm.cjs" <<'NODE'
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const [tools, secret, headers, body] = process.argv.slice(2);
const { Webhook } = createRequire(`${tools}/`)("standardwebhooks");
new Webhook(secret).verify(readFileSync(body, "utf8"), JSON.parse(readFileSync(headers)));
NODE

verifier() { # verifier NAME SECRET DELIVERY
    local name=$1 secret=$2 delivery="$work/$3"
    case $name in
    rust) "$CARGO_TARGET_DIR/verify/debug/verify" "$secret" "$delivery.headers" "$delivery.body" ;;
    node) node "$root/docs/webhooks/verify.mjs" "$secret" "$delivery.headers" "$delivery.body" ;;
    python) python3 "$root/docs/webhooks/verify.py" "$secret" "$delivery.headers" "$delivery.body" ;;
    pypi) "$TOOLS/bin/python" "$work/pypi.py" "$secret" "$delivery.headers" "$delivery.body" ;;
    npm) node "$work/npm.cjs" "$TOOLS" "$secret" "$delivery.headers" "$delivery.body" ;;
    esac
}

checks=0
takes() {
    verifier "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2 && fail "$1 refuses delivery $3"; }
    checks=$((checks + 1))
}
refuses() {
    if verifier "$@" >"$work/said" 2>&1; then fail "$1 takes $3"; fi
    checks=$((checks + 1))
}

# The guide shows the programs that are run here, to the letter.
for file in verify.rs verify.mjs verify.py; do
    python3 - "docs/webhooks/$file" docs/webhooks.md <<'PYTHON' || fail "docs/webhooks.md does not show $file as it is"
import pathlib, sys
program, guide = (pathlib.Path(name).read_text() for name in sys.argv[1:])
sys.exit(program not in guide)
PYTHON
done

mkdir -p "$CACHE"
# One installation at a time: two clones may be tested at once.
exec 9>"$CACHE/standardwebhooks.lock"
flock 9
install_tools
exec 9>&-

cargo build -p mask
build_rust
start_receiver
start_server

hook="http://127.0.0.1:$(<"$work/port")/hook"
webhook=$(ask POST /webhooks "{\"url\":\"$hook\",\"events\":[\"link.created\"]}")
id=$(member id <<<"$webhook")
secret=$(member secret <<<"$webhook")
ask POST "/webhooks/$id/test" '{}' >"$work/answer"
wait_for 'the first delivery' test -e "$work/1.body"
ask POST "/webhooks/$id/rotate-secret" "{\"secret\":\"$PLAIN\"}" >"$work/answer"
ask POST /links '{"url":"https://example.com/ünï","title":"Ünïcode \" 🎉"}' >"$work/answer"
wait_for 'the second delivery' test -e "$work/2.body"

change 1 tampered 'body = body.replace(b"true", b"truE", 1)'
change 1 longer 'body = body + b" "'
change 1 renamed 'headers["webhook-id"] = "evt_00000000000000000000000000"'
change 1 later 'headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)'
change 1 unsigned 'headers["webhook-signature"] = "v1,"'
change 1 stale "
headers['webhook-timestamp'] = str(int(time.time()) - 3600)
signed = f\"{headers['webhook-id']}.{headers['webhook-timestamp']}.\".encode() + body
mac = hmac.digest(base64.b64decode('${secret#whsec_}'), signed, hashlib.sha256)
headers['webhook-signature'] = 'v1,' + base64.b64encode(mac).decode()"
change 2 plain "assert headers['x-mask-signature'] == hmac.new(b'$PLAIN', body, hashlib.sha256).hexdigest()"
change 1 plain1 "assert headers['x-mask-signature'] == hmac.new(b'$secret', body, hashlib.sha256).hexdigest()"

for name in rust node python pypi npm; do
    takes "$name" "$secret" 1
    takes "$name" "$secret" 2
    for delivery in tampered longer renamed later unsigned stale; do refuses "$name" "$secret" "$delivery"; done
    refuses "$name" "whsec_$(printf '%032d' 0)" 1
done
for name in rust node python; do
    takes "$name" "$PLAIN" 2
    refuses "$name" "$PLAIN" 1
done
echo "$checks verifications of 2 deliveries, as they should be"
