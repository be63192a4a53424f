#!/bin/sh
# Builds every fuzz target and runs each for some seconds (10 if not said); fails when one crashes.
#
# These are the flags that cargo-fuzz passes, without a sanitizer: so the pinned stable compiler will do and no tool
# needs to be installed. The fuzzed code is safe Rust but for one module, and a panic is what is looked for. `--target` keeps
# the flags away from build scripts. What is found lies in artifacts/; `run.sh 0 <target> <file>` runs it once more (paths from this folder).
set -eu
cd "$(dirname "$0")"
seconds=${1:-10}
only=${2:-}
host=$(rustc -vV | sed -n 's/^host: //p')
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
export CARGO_TARGET_DIR RUSTFLAGS

cargo build --quiet --locked --release --target "$host"

# In memory where there is such a place: a disk would be most of the time. libFuzzer ends without dropping anything.
[ -d /dev/shm ] && memory=/dev/shm || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/mask-fuzz.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

failed=
for source in fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    [ -z "$only" ] || [ "$only" = "$target" ] || continue
    program=$CARGO_TARGET_DIR/$host/release/$target
    if [ -n "${3:-}" ]; then
        "$program" "$3"
        exit
    fi
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "fuzz $target: ${seconds} s"
    "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -len_control=0 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" "corpus/$target" >"artifacts/$target/log" 2>&1 || failed="$failed $target"
    grep -E '^stat::(number_of_executed_units|average_exec)|cov:.*DONE|panicked at|Test unit written' "artifacts/$target/log" |
        sed 's/^/  /'
done
if [ -n "$failed" ]; then
    echo "crashed:$failed; see artifacts/<target>/log" >&2
    exit 1
fi
