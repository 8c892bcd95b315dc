#!/usr/bin/env bash
# Installs what is missing on a Debian-like machine that has Rust, and says what it installs. Nothing is
# started, and what is there already is left alone.
set -euo pipefail

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() {
    echo "setup: installing $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

has() { command -v "$1" >/dev/null 2>&1; }

# The bundled SQLite and the TLS library are C.
setup_build() {
    has cc && has make || install_packages build-essential
}

# The tests start PostgreSQL themselves, in temporary directories; the package's own cluster is not wanted.
setup_test() {
    if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && [ -z "${PG_BIN:-}" ]; then
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            install_packages postgresql-common
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        fi
        install_packages postgresql
    fi
    setup_demo
    # The examples of docs/CONTRACT.md are run as they stand.
    local missing=()
    for program in curl python3; do
        has "$program" || missing+=("$program")
    done
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
}

setup_demo() {
    has jq || install_packages jq
}

setup_deny() {
    cargo deny --version >/dev/null 2>&1 || cargo install --locked --no-default-features cargo-deny
}

for part in "$@"; do
    "setup_$part"
done
