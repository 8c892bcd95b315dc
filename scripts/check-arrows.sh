#!/usr/bin/env bash
# Keeps the arrows between crates that `cargo deny` cannot see: it knows which crate imports which, not
# which part of one.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
refuse() { # WHY PATTERN PATH...
    local why=$1 pattern=$2
    shift 2
    if grep -rnE --include='*.rs' "$pattern" "$@"; then
        echo "arrows: $why" >&2
        status=1
    fi
}

refuse "the server knows the store's traits, not the databases" \
    '(^|[^"])taskward_store::(sqlite|postgres|migrations)' crates/server/src
refuse "only the configuration reads the environment" 'env::(var|vars|var_os|vars_os)\b' \
    crates/core/src crates/api/src crates/store/src crates/server/src crates/ops/src
if grep -nE '^(tokio|axum|tokio-postgres|rusqlite|clap|reqwest)\b' crates/core/Cargo.toml crates/api/Cargo.toml; then
    echo "arrows: core and api do no I/O" >&2
    status=1
fi
exit $status
