#!/usr/bin/env bash
# Sees to it that what the tests need is there. Quick when it is; as root on Debian it installs what is missing; anybody
# else is told what to install. Nothing that is installed here is ever started by it.
set -euo pipefail

has_command() { command -v "$1" >/dev/null; }
has_postgres() { # where test-postgres.sh looks for it
    [[ -x "$(pg_config --bindir 2>/dev/null)/initdb" ]] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}
has_node() { has_command npm && node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)' 2>/dev/null; }
has_zbar() { compgen -G '/usr/lib/*/libzbar.so.0' >/dev/null || compgen -G '/usr/lib*/libzbar.so.0' >/dev/null; }
has_venv() { python3 -c 'import venv, ensurepip' 2>/dev/null; }

packages=()
reasons=()
need() { # need CHECK PACKAGES REASON
    local check=$1 package=$2 reason=$3
    if ! $check; then
        read -ra more <<<"$package"
        packages+=("${more[@]}")
        reasons+=("$reason")
    fi
}

look() {
    packages=() reasons=()
    need 'has_command cc' 'gcc libc6-dev' 'a C compiler (cc), for SQLite, which is built in'
    need 'has_command g++' 'g++' 'a C++ compiler (g++), for the fuzzer'
    need has_postgres 'postgresql' 'the programs of a PostgreSQL server (initdb, pg_ctl), 15 or newer'
    need 'has_command perl' 'perl' 'perl, which finds a free port for it'
    need has_venv 'python3 python3-venv' 'python3 with venv, for the tests of the API against its document'
    need 'has_command curl' 'curl ca-certificates' 'curl'
    need 'test -x /usr/bin/chromium' 'chromium fonts-noto-core' 'chromium, for the tests of bio pages in a browser'
    need has_zbar 'libzbar0' 'libzbar, which reads QR codes'
    need 'has_command rsvg-convert' 'librsvg2-bin' 'rsvg-convert, which draws QR codes that are SVG'
    need 'has_command pdftoppm' 'poppler-utils' 'pdftoppm, which draws QR codes that are PDF'
    need 'has_command pebble' 'pebble' 'pebble, an authority that signs certificates for tests'
    need 'test -r /usr/share/tor/geoip' 'tor-geoipdb' 'lists of addresses and countries, of which `make run` makes its database'
    need 'has_command openssl' 'openssl' 'openssl, a client of TLS'
    need has_node 'nodejs npm' 'node and npm, 18 or newer, for the verification of webhooks, and a provider of identities'
}

tell() {
    for reason in "${reasons[@]}"; do printf '  %s\n' "$reason" >&2; done
}

if ! has_command cargo; then
    echo 'The tests need cargo, which rustup installs (https://rustup.rs); rust-toolchain.toml names the version.' >&2
    exit 1
fi

look
((${#packages[@]})) || exit 0

if ! has_command apt-get || (($(id -u) != 0)); then
    echo 'The tests need, and cannot find:' >&2
    tell
    echo "On Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi

echo "Installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${packages[@]}" </dev/null

look
if ((${#packages[@]})); then
    echo 'These were installed, and yet cannot be found:' >&2
    tell
    exit 1
fi
