#!/usr/bin/env bash
# Makes the corpus anew of itself and of what was found in build/fuzz/found (or the folder named, which has one for each target): the smallest inputs that
# together reach all that those reach. CI starts from it, so it is kept small: no input above max_bytes, at most max_inputs for a target.
#
#   tests/fuzz/merge.sh [FOUND]
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
found=$(realpath "${1:-$top/build/fuzz/found}")
cd "$top"
max_bytes=4096
max_inputs=150

while read -r name _; do
  kept=tests/fuzz/corpus/$name
  fresh=$(mktemp -d)
  mkdir -p "$kept" "$found/$name"
  # The kept ones come first, so that they stay what they are as long as they are of use.
  if ! "build/fuzz/bin/$name" -merge=1 -timeout=60 -max_len=$max_bytes "$fresh" "$kept" "$found/$name" >"build/fuzz/$name.merge.log" 2>&1; then
    echo "$name: merging failed, see build/fuzz/$name.merge.log" >&2
    exit 1
  fi
  # Inputs that people named say what they are for, and stay; of the others, which libFuzzer names by their SHA-1, the smallest.
  find "$kept" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
  named=$(find "$kept" -type f -exec sha1sum {} + | cut -d ' ' -f 1)
  room=$((max_inputs - $(find "$kept" -type f | wc -l)))
  while read -r _ input; do
    [ "$room" -gt 0 ] || break
    [[ $named != *"$(basename "$input")"* ]] || continue
    cp "$input" "$kept/"
    room=$((room - 1))
  done < <(find "$fresh" -type f -printf '%s %p\n' | sort -n)
  rm -r "$fresh"
  echo "$name: $(find "$kept" -type f | wc -l) inputs, $(du -sb "$kept" | cut -f 1) bytes"
done <build/fuzz/fuzz_targets.txt
