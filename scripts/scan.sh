#!/usr/bin/env bash
# QR codes read by others: by zbar, of Debian, and zxing-cpp, of PyPI. Codes are made up, those that Mask would refuse are left
# out, and of the rest every one must be read by at least one of the two, and 99 of 100 as issued by both: as drawn, out of focus,
# turned, and as a poor JPEG. scan.py says what exactly is done to them.
#
# CODES is how many are made, SEED what they are made from; the same seed makes the same codes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ZXING=3.1.1
readonly PYZBAR=0.1.9
readonly PILLOW=13.0.0
readonly CODES="${CODES:-2000}"
readonly SEED="${SEED:-20261123}"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/mask"
readonly VENV="$CACHE/scan-$ZXING-$PYZBAR-$PILLOW"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"

install_readers() {
    if "$VENV/bin/python" -c 'import zxingcpp, pyzbar, PIL' 2>/dev/null; then
        return
    fi
    echo "Installing zxing-cpp $ZXING, pyzbar $PYZBAR and Pillow $PILLOW into $VENV"
    rm -rf "$VENV"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-input \
        "zxing-cpp==$ZXING" "pyzbar==$PYZBAR" "pillow==$PILLOW"
}

mkdir -p "$CACHE"
# One installation at a time: two clones may be tested at once.
exec 9>"$CACHE/scan.lock"
flock 9
install_readers
exec 9>&-

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cargo build --quiet -p mask-picture --example qr_codes
echo "CODES=$CODES SEED=$SEED"
"$CARGO_TARGET_DIR/debug/examples/qr_codes" "$work" "$CODES" "$SEED"
echo "$(wc -l <"$work/refused.tsv") others were refused, for $(cut -f1 "$work/refused.tsv" | sort | uniq -c | sort -rn | awk '{printf "%s%s (%s)", separator, $2, $1; separator=", "}')"
PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/python" scripts/scan.py "$work"
