#!/usr/bin/env bash
# Every check there is, each to its end: one run tells all there is to mend. `make test` and CI call this and nothing else.
# What a failed check printed last stands once more below the summary, where a reader of a long log looks first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mask/target}"

readonly LAST_LINES=20
passed=()
failed=()
faults=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
if [[ -t 1 ]]; then export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-always}"; fi

step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s: %s\n' "$name" "$*"
    if "$@" 2>&1 | tee "$logs/$name"; then
        passed+=("$name ($((SECONDS - began)) s)")
    else
        failed+=("$name, exit status $? ($*)")
        faults+=("$name")
    fi
}

scripts/install-test-tools.sh

step format cargo fmt --all --check
step lint cargo clippy --workspace --all-targets -- -D warnings
step agents scripts/agents.sh
step tests cargo test --workspace
step run scripts/run.sh
step fuzz fuzz/run.sh 10
step api scripts/schemathesis.sh
step webhooks scripts/webhooks.sh
step codes scripts/scan.sh
step browser scripts/browser.sh
step bucket scripts/bucket.sh
step oidc scripts/oidc.sh

printf '\n==> summary, after %s s\n' "$SECONDS"
for name in "${passed[@]}"; do printf '  passed  %s\n' "$name"; done
for name in "${failed[@]}"; do printf '  FAILED  %s\n' "$name"; done
if ((${#failed[@]})); then
    for name in "${faults[@]}"; do
        printf '\n==> %s ended with\n' "$name"
        tail -n "$LAST_LINES" "$logs/$name"
    done
    printf '%s of %s checks failed.\n' "${#failed[@]}" "$((${#passed[@]} + ${#failed[@]}))"
    exit 1
fi
printf 'All %s checks passed.\n' "${#passed[@]}"
