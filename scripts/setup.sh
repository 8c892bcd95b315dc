#!/usr/bin/env bash
# Installs what is missing on a Debian-like machine that has Rust, and says what it installs. Nothing is
# started, and what is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."

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

# The tests and the bench start PostgreSQL themselves, in temporary directories; the package's own cluster is
# not wanted.
install_postgresql() {
    if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && [ -z "${PG_BIN:-}" ]; then
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            install_packages postgresql-common
            echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        fi
        install_packages postgresql
    fi
}

setup_test() {
    install_postgresql
    setup_demo
    # The rules of deploy/ and what /metrics says are tested with the programs that read them; the tests start them
    # themselves.
    has promtool && has prometheus-alertmanager || install_without_services prometheus prometheus-alertmanager
    # The examples of docs/CONTRACT.md are run as they stand.
    local missing=()
    for program in curl openssl python3; do
        has "$program" || missing+=("$program")
    done
    # The log is rotated with the real one; it is not in every user's PATH.
    [ -x /usr/sbin/logrotate ] || missing+=(logrotate)
    # One way to make backups; the tests bring its configuration and repository.
    has pgbackrest || missing+=(pgbackrest)
    # Restores are killed in the middle of a rename.
    has strace || missing+=(strace)
    # One test sets the clock of an instance.
    compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    setup_browser
    cargo nextest --version >/dev/null 2>&1 || cargo install --locked cargo-nextest
}

# Debian's own browser: what npm would download does not come through every network. The fonts are for the pages'
# Chinese, as on the screenshots that the test keeps.
setup_browser() {
    local missing=()
    has chromium || missing+=(chromium)
    has node || missing+=(nodejs)
    has npm || missing+=(npm)
    fc-list 2>/dev/null | grep -qi 'wqy\|noto.*cjk' || missing+=(fontconfig fonts-dejavu-core fonts-wqy-microhei)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    if ! cmp -s tests/browser/package-lock.json tests/browser/node_modules/.installed; then
        echo "setup: installing what drives the browser" >&2
        (cd tests/browser && npm ci --no-audit --no-fund --ignore-scripts --silent)
        cp tests/browser/package-lock.json tests/browser/node_modules/.installed
    fi
}

setup_demo() {
    has jq || install_packages jq
}

# The stores of the peers and the languages they are written in; the peers themselves come with bench/run.py.
setup_bench() {
    install_postgresql
    local missing=()
    has redis-server || missing+=(redis-server)
    has beanstalkd || missing+=(beanstalkd)
    has node || missing+=(nodejs)
    has npm || missing+=(npm)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
    [ ${#missing[@]} = 0 ] || install_without_services "${missing[@]}"
}

# The bench starts its servers itself; installing a package may have started one more, which is not wanted.
install_without_services() {
    install_packages "$@"
    has systemctl || return 0
    for package in "$@"; do
        as_root systemctl disable --now "$package" >/dev/null 2>&1 || true
    done
}

# It runs for seconds; compiling it optimised would take minutes longer than it saves.
setup_deny() {
    cargo deny --version >/dev/null 2>&1 || cargo install --locked --debug --no-default-features cargo-deny
}

for part in "$@"; do
    "setup_$part"
done
