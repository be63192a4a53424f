#!/usr/bin/env bash
# Pictures in a bucket: a server with its pictures in the bucket of a service that speaks as Amazon S3 does, and that judges
# signatures and rights (`moto` of PyPI, with its access control on). What is uploaded lies there, is shown from there after a
# restart, is shown from memory while the service hangs or is gone, as is a bio page with it, and a server with a wrong key says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly MOTO=5.2.5
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly TOOLS="$CACHE/moto-$MOTO"
readonly WAIT_SECONDS=30
# What is asked of the service before it judges signatures: a user, its key, its rights, a bucket.
readonly UNJUDGED=4
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

work=$(mktemp -d)
server='' service=''

# Only what was started here is stopped, by its process id.
stop() { # stop PROCESS
    if [[ -n $1 ]]; then kill -TERM "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; fi
}
clean_up() {
    stop "$server"
    stop "$service"
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'bucket.sh: %s\n' "$1" >&2
    for log in "$work/log" "$work/service.log"; do
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

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

install_tools() {
    if [[ -d $TOOLS ]]; then return; fi
    echo "Installing moto of PyPI into $TOOLS"
    local new="$TOOLS.new"
    rm -rf "$new"
    python3 -m venv "$new"
    "$new/bin/pip" install --quiet --disable-pip-version-check --no-input "moto[s3,iam,server]==$MOTO"
    # A venv knows where it lies by absolute paths; its interpreter does not.
    mv "$new" "$TOOLS"
}

cat >"$work/prepare.py" <<'PYTHON'
import json, sys
import boto3

known = dict(endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
iam = boto3.client("iam", **known)
iam.create_user(UserName="mask")
key = iam.create_access_key(UserName="mask")["AccessKey"]
rights = [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::mask-test/deeper/pictures/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::mask-test"},
]
policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
iam.put_user_policy(UserName="mask", PolicyName="pictures", PolicyDocument=policy)
boto3.client("s3", **known).create_bucket(Bucket="mask-test")
print(key["AccessKeyId"], key["SecretAccessKey"])
PYTHON
cat >"$work/look.py" <<'PYTHON'
import sys
import boto3

endpoint, key, secret, name = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
sys.stdout.buffer.write(s3.get_object(Bucket="mask-test", Key=name)["Body"].read())
PYTHON

start_service() {
    endpoint="http://127.0.0.1:$service_port"
    INITIAL_NO_AUTH_ACTION_COUNT=$UNJUDGED "$TOOLS/bin/python" -m moto.server -H 127.0.0.1 -p "$service_port" \
        >"$work/service.log" 2>&1 &
    service=$!
    wait_for 'the service' curl -s -o "$work/ready" "$endpoint/moto-api/"
    read -r access_key secret < <("$TOOLS/bin/python" "$work/prepare.py" "$endpoint")
}

settings() { # settings SECRET, as variables for `env`
    printf '%s\n' MASK_PICTURES__URL=s3://mask-test/deeper/pictures \
        "MASK_PICTURES__ENDPOINT=$endpoint" "MASK_PICTURES__ACCESS_KEY_ID=$access_key" \
        "MASK_PICTURES__SECRET_ACCESS_KEY=$1" MASK_PICTURES__TIMEOUT_MS=3000
}

start_server() { # start_server SECRET
    local port variables
    port=$(free_port)
    base="http://127.0.0.1:$port"
    mapfile -t variables < <(settings "$1")
    env "${variables[@]}" "$CARGO_TARGET_DIR/debug/mask" serve --data-dir "$work/data" --listen "127.0.0.1:$port" \
        --public-url "http://localhost:$port" >>"$work/out" 2>>"$work/log" &
    server=$!
    wait_for 'the server' curl -sf -o "$work/ready" "$base/readyz"
    key=$(grep -o 'mk_live_[0-9A-Za-z]\{32\}' "$work/out" | head -n 1)
}

restart_server() { # restart_server SECRET
    stop "$server"
    start_server "$1"
}

upload() { # upload COLOUR: writes the status; the answer is in $work/answer
    printf '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="%s"/></svg>' "$1" |
        curl -sS -o "$work/answer" -w '%{http_code}' -X POST "$base/api/v1/uploads" -H "Authorization: Bearer $key" \
            -H 'Content-Type: image/svg+xml' --data-binary @-
}
name_of_upload() { python3 -c 'import json, sys; print(json.load(sys.stdin)["url"].rsplit("/", 1)[1])' <"$work/answer"; }
show() { # show NAME: writes the status; the picture is in $work/picture
    curl -sS -o "$work/picture" -w '%{http_code}' "$base/-/img/$1"
}
publish() { # publish PICTURE: a bio page that shows it; writes the status, and leaves the answer in $work/answer
    printf '{"title": "Ada", "slug": "ada-page", "avatar_url": "%s/-/img/%s", "published": true, "blocks": [%s]}' \
        "http://localhost:${base##*:}" "$1" '{"type": "header", "data": {"text": "From the shop"}}' |
        curl -sS -o "$work/answer" -w '%{http_code}' -X POST "$base/api/v1/bio-pages" -H "Authorization: Bearer $key" \
            -H 'Content-Type: application/json' --data-binary @-
}
page() { # writes the status; the page is in $work/page
    curl -sS -o "$work/page" -w '%{http_code}' -H "Host: localhost:${base##*:}" "$base/ada-page"
}
expect() { # expect WHAT WANTED GOT
    [[ $2 == "$3" ]] || fail "$1: $3 in place of $2"
}
doctor() { # doctor SECRET
    local variables
    mapfile -t variables < <(settings "$1")
    env "${variables[@]}" "$CARGO_TARGET_DIR/debug/mask" doctor --data-dir "$work/data" 2>&1 || true
}

mkdir -p "$CACHE"
# One installation at a time: two clones may be tested at once.
exec 9>"$CACHE/moto.lock"
flock 9
install_tools
exec 9>&-

cargo build -p mask
service_port=$(free_port)
start_service
start_server "$secret"

expect 'an upload' 201 "$(upload red)"
first=$(name_of_upload)
expect 'the same again' 201 "$(upload red)"
expect 'its name' "$first" "$(name_of_upload)"
expect 'what was uploaded' 200 "$(show "$first")"
"$TOOLS/bin/python" "$work/look.py" "$endpoint" "$access_key" "$secret" "deeper/pictures/$first" >"$work/there"
cmp "$work/there" "$work/picture" || fail 'what lies in the bucket is not what is shown'
expect 'what never was' 404 "$(show ffffffffffffffffffffffffffffffff.png)"
expect 'a bio page with it' 201 "$(publish "$first")"
doctor "$secret" | grep 's3://mask-test/deeper/pictures can be written and read' || fail 'the doctor finds something wrong'

restart_server "$secret"
expect 'a picture after a restart' 200 "$(show "$first")"
cmp "$work/there" "$work/picture" || fail 'another picture after a restart'
expect 'the page after a restart' 200 "$(page)"
cp "$work/page" "$work/whole-page"
# The page has a copy of its own, made for the place where it stands.
grep -q '/-/img/[0-9a-f]\{32\}\.png' "$work/whole-page" || fail 'the page does not show its picture'

# Whoever asks is let in and never answered.
kill -STOP "$service"
expect 'a picture in memory while the service hangs' 200 "$(show "$first")"
expect 'a bio page while the service hangs' 200 "$(page)"
cmp "$work/whole-page" "$work/page" || fail 'another page while the service hangs'
expect 'an upload while the service hangs' 503 "$(upload blue)"
expect 'another picture while the service hangs' 503 "$(show ffffffffffffffffffffffffffffffff.png)"
kill -CONT "$service"
expect 'an upload when it goes on' 201 "$(upload blue)"

restart_server wrong
expect 'an upload with a wrong secret' 503 "$(upload green)"
expect 'a picture with a wrong secret' 503 "$(show "$first")"
expect 'a bio page with a wrong secret, which is not in memory yet' 200 "$(page)"
grep -q SignatureDoesNotMatch "$work/log" || fail 'the log does not say why'
if grep -q "$secret" "$work/log" "$work/out"; then fail 'the secret is in the log'; fi
doctor wrong | grep 'cannot be written or read' || fail 'the doctor finds nothing wrong'

restart_server "$secret"
expect 'the picture, with the right one' 200 "$(show "$first")"
expect 'the page, with the right one' 200 "$(page)"
cp "$work/page" "$work/whole-page" # the server is at another port by now, and the page says where it is
stop "$service"
service=''
expect 'a picture in memory while the service is gone' 200 "$(show "$first")"
expect 'a bio page while the service is gone' 200 "$(page)"
cmp "$work/whole-page" "$work/page" || fail 'another page while the service is gone'
expect 'an upload while the service is gone' 503 "$(upload yellow)"

echo 'Pictures in a bucket: all is as it should be.'
