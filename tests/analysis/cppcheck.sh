#!/usr/bin/env bash
# Runs cppcheck over all that pshare is made of. Ends with "N files, M findings". What it says and means nothing: cppcheck.txt, with the reasons.
#
#   tests/analysis/cppcheck.sh [FOLDER or FILE ...]     without any: all sources but those of the tests
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || set -- wire io secure traversal transfer relay apps

report=$(mktemp)
trap 'rm -f "$report"' EXIT
mapfile -t files < <(find "$@" -name '*.cpp' -o -name '*.hpp' -o -name '*.ipp' | sort)
# Each file by itself, headers too: a matter of seconds. What takes several files to see, clang-tidy sees.
cppcheck --enable=warning,performance,portability --std=c++20 --language=c++ --inline-suppr --suppressions-list=tests/analysis/cppcheck.txt \
  -j 1 --quiet --template='{file}:{line}: {severity}: {message} [{id}]' "${files[@]}" 2>"$report" || { cat "$report"; exit 1; }
sort -u "$report"
findings=$(sort -u "$report" | wc -l)
echo "${#files[@]} files, $findings findings"
[ "${#files[@]}" -gt 0 ] && [ "$findings" -eq 0 ]
