#!/usr/bin/env bash
# Every relative link in a document leads to a file of this repository.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS= read -r document; do
    while IFS= read -r target; do
        path=${target%%#*}
        [ -n "$path" ] || continue
        if [ ! -e "$(dirname "$document")/$path" ]; then
            echo "$document: no such file: $target" >&2
            status=1
        fi
    done < <(grep -oE '\]\([^)]+\)' "$document" | sed -E 's/^\]\(//; s/\)$//' | grep -vE '^[a-z]+:' || true)
done < <(git ls-files '*.md')
exit $status
