#!/usr/bin/env bash
# A throw-away PostgreSQL for tests.
#
# Prints its URL as one line when it is ready, then obeys what it reads, a word a line: `stop` stops the server as a
# crash would and answers `stopped`, `start` starts it again on the same port and answers `started`. When its input
# ends, or on TERM, INT or HUP, it stops the server and deletes every file: whoever started it holds the other end of
# the pipe, so that a test process that dies, in whatever way, leaves nothing behind.
set -euo pipefail

fail() {
    echo "test-postgres: $*" >&2
    exit 1
}

# Debian keeps the server's programs out of PATH, one folder a version; the newest is taken.
programs() {
    local folder
    for folder in "$(pg_config --bindir 2>/dev/null || true)" $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

bin=$(programs) || fail "PostgreSQL is not installed (looked in pg_config --bindir and /usr/lib/postgresql); on Debian: apt-get install postgresql"
command -v perl >/dev/null || fail "perl is not installed; it asks the system for a free port"

# PostgreSQL refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "run as root, and there is no user postgres to run the server as"
    command -v setpriv >/dev/null || fail "run as root, and setpriv (util-linux) is not installed"
    as_owner=(setpriv --reuid postgres --regid "$(id -g postgres)" --clear-groups)
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/test-postgres.XXXXXX")
data=$folder/data
# The server must not hold our input and output: a pipe ends when its last holder does.
control() {
    ${as_owner[@]+"${as_owner[@]}"} "$bin/pg_ctl" -s -w -t 60 -D "$data" "$@" </dev/null >>"$folder/control.log" 2>&1
}

stop() {
    if [ -e "$data/postmaster.pid" ]; then
        control stop -m immediate || true
    fi
}

clean() {
    trap - EXIT TERM INT HUP
    stop
    rm -rf "$folder"
}
trap clean EXIT
trap 'clean; exit 0' TERM INT HUP

[ "$(id -u)" != 0 ] || chown postgres "$folder"
touch "$folder/control.log"
cd "$folder"

# The language's order of words, not the order of bytes: a query that leans on the latter shows it here.
${as_owner[@]+"${as_owner[@]}"} "$bin/initdb" -D "$data" --no-sync -U postgres -A trust --encoding=UTF8 --locale=C --locale-provider=icu --icu-locale=en-US \
    </dev/null >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; fail "initdb failed; PostgreSQL 15 or later is needed"; }

free_port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

start() {
    control start -l "$folder/server.log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200"
}

# Between the question for a free port and its use somebody else may take it.
for _ in 1 2 3 4 5; do
    port=$(free_port)
    if start; then
        echo "postgres://postgres@127.0.0.1:$port/postgres"
        while read -r word; do
            case $word in
                stop) stop && echo stopped ;;
                start) { start || start; } && echo started ;;
                *) fail "cannot $word: the words are stop and start" ;;
            esac
        done
        exit 0
    fi
done
cat "$folder/server.log" >&2
fail "the server did not start"
