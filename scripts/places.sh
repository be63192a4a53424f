#!/usr/bin/env bash
# Gets the lists of addresses and countries, and makes a database of places of them: scripts/places.sh MASK [FLAG…], where
# MASK is the program and the flags are those of `mask places build`. Installs nothing and needs not be root: the lists are
# those that are installed already (Debian's package tor-geoipdb), or else the package is downloaded and unpacked in a
# temporary folder.
#
# `make run` calls this when there is no database yet. It ends with 0 whether it got one or not, and says which: without
# one the server starts all the same, and countries are unknown.
set -euo pipefail

readonly INSTALLED=/usr/share/tor
readonly MOST_SECONDS=60

mask=$1
shift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

without() {
    echo "places.sh: $1, so countries will be unknown; \`mask help places build\` tells how to make a database by hand" >&2
    exit 0
}

is_known() {
    [[ $(LC_ALL=C apt-cache policy tor-geoipdb 2>/dev/null) == *'Candidate: '[0-9]* ]]
}

# Every step by itself: this runs where `set -e` does not.
fetch() {
    cd "$work" || return
    if ! is_known && (($(id -u) == 0)); then
        timeout "$MOST_SECONDS" apt-get update -q
    fi
    is_known || { echo 'no package of that name is known here'; return 1; }
    timeout "$MOST_SECONDS" apt-get download -q -o Acquire::Retries=0 -o APT::Sandbox::User=root tor-geoipdb &&
        dpkg-deb -x tor-geoipdb_*.deb .
}

lists=$INSTALLED
if [[ ! -r $lists/geoip || ! -r $lists/geoip6 ]]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || without 'this is no Debian'
    echo 'Getting lists of addresses and countries (Debian'"'"'s tor-geoipdb, 3 MB, CC BY-SA 4.0)'
    lists=$work$INSTALLED
    (fetch) >"$work/log" 2>&1 || without "Debian's package tor-geoipdb cannot be had ($(tail -n 1 "$work/log"))"
fi
"$mask" places build --from "$lists/geoip" --from "$lists/geoip6" "$@" || without 'no database could be made'
