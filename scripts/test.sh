#!/usr/bin/env bash
# Every check there is, each to its end: one run tells all there is to mend. `make test` and CI call this and nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mask/target}"

passed=()
failed=()

step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s: %s\n' "$name" "$*"
    if "$@"; then
        passed+=("$name ($((SECONDS - began)) s)")
    else
        failed+=("$name, exit status $? ($*)")
    fi
}

scripts/install-test-tools.sh

step format cargo fmt --all --check
step lint cargo clippy --workspace --all-targets -- -D warnings
step agents scripts/agents.sh
step tests cargo test --workspace
step fuzz fuzz/run.sh 10
step api scripts/schemathesis.sh
step webhooks scripts/webhooks.sh
step codes scripts/scan.sh
step browser scripts/browser.sh
step bucket scripts/bucket.sh

printf '\n==> summary, after %s s\n' "$SECONDS"
for name in "${passed[@]}"; do printf '  passed  %s\n' "$name"; done
for name in "${failed[@]}"; do printf '  FAILED  %s\n' "$name"; done
if ((${#failed[@]})); then
    printf '%s of %s checks failed.\n' "${#failed[@]}" "$((${#passed[@]} + ${#failed[@]}))"
    exit 1
fi
printf 'All %s checks passed.\n' "${#passed[@]}"
