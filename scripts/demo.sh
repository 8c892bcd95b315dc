#!/usr/bin/env bash
# A real workload, end to end: the names of a few thousand files of this machine go in as tasks, a worker
# runs a plain shell command that computes each file's SHA-256, and every digest is compared with the truth.
#
# DATABASE_URL   the database to use; a temporary SQLite file when not set
# TASKWARD       the binary; `taskward` from the PATH when not set
# DEMO_FILES     how many files; 3000 when not set
set -euo pipefail

taskward=$(command -v "${TASKWARD:-taskward}")
taskward=$(realpath "$taskward")
count=${DEMO_FILES:-3000}
queue="demo-$$"
work=$(mktemp -d)
server=

finish() {
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill "$server" && wait "$server" || true
    fi
    rm -rf "$work"
}
trap finish EXIT
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Names with a newline cannot be lines; there are hardly any.
{ find /usr/share /usr/lib /usr/include -xdev -type f -readable ! -name $'*\n*' 2>/dev/null || true; } |
    head -n "$count" >"$work/files"
count=$(wc -l <"$work/files")

say "Starting the service"
cd "$work"
export APP_ENV=dev DATABASE_URL="${DATABASE_URL:-sqlite:$work/demo.db}" NO_COLOR=1
unset API_KEY API_KEY_FILE
TASKWARD__SERVER__PORT=0 "$taskward" serve >"$work/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    url=$(grep -o 'http://[0-9.:]*' "$work/log" | head -n 1 || true)
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
export TASKWARD_URL=$url
"$taskward" health ready --wait 10s

say "Enqueuing the names of $count files"
"$taskward" enqueue sha256 --queue "$queue" --lines "$work/files"

say "Working: sha256sum, 8 at a time"
"$taskward" worker --queue "$queue" --concurrency 8 --until-empty -- \
    sh -c 'IFS= read -r file || [ -n "$file" ]; sha256sum -- "$file"'

say "Comparing with the truth"
"$taskward" task list --queue "$queue" --state completed --all -o json |
    jq -r '.tasks[].result' | LC_ALL=C sort >"$work/answers"
xargs -d '\n' sha256sum -- <"$work/files" | LC_ALL=C sort >"$work/truth"
if ! diff -q "$work/truth" "$work/answers" >/dev/null; then
    echo "WRONG: the digests differ; the first differences:" >&2
    diff "$work/truth" "$work/answers" | head -n 10 >&2
    exit 1
fi
left=$("$taskward" queue get "$queue" -o json | jq '.depth | add')
[ "$left" = 0 ] || { echo "WRONG: $left tasks are left" >&2; exit 1; }
printf '%s files, %s digests, all right; 0 tasks lost, 0 left.\n' "$count" "$(wc -l <"$work/answers")"
