#!/usr/bin/env bash
# Sets up, builds and runs all tests. The last line is the sum over all configurations: "123 passed, 0 failed".
#
#   tests/run.sh                 release, packaging, debug, fuzz and a part of analysis: what is meant to fit into 40 minutes on two cores
#   tests/run.sh --all           all of them but windows
#   tests/run.sh --quick         the release build alone
#   tests/run.sh --only NAME     one configuration: release, packaging, debug, tsan, fuzz, analysis or windows; may be repeated
#   tests/run.sh --full          end-to-end tests at the sizes pshare is held to (2 GiB, 20,000 files, 20 kills): takes an hour or more
#
# release  what users get: simulations, end-to-end tests, the laboratory of kernels; unit tests where debug does not run them
# packaging the Debian packages: built, looked into, and used on bare Debians (root alone can do the last)
# debug    unit tests, and the end-to-end tests in which much moves or breaks, under AddressSanitizer and UndefinedBehaviorSanitizer
# tsan     what has threads under ThreadSanitizer: the unit tests of drivers, and a few end-to-end tests
# fuzz     every fuzz target for 20 s (PSHARE_FUZZ_SECONDS) from its corpus, two at once for each core
# analysis cppcheck and clang-tidy; without options cppcheck alone, which takes seconds
# windows  the .msi and the zip, made by packaging/msi/build.sh, tried under Wine with the programs of release (docs/windows.md)
#
# Nothing is left running. The second time only what changed is built again. docs: tests/README.md.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
jobs=$(nproc)
# Many tests wait for time-outs and distant machines more than they work.
tests_at_once=$((jobs + 2))
# 20 s for each target take more than a quarter of an hour one by one; what they find in that time is what they had found before.
fuzzers_at_once=$((jobs * 2))
# More failures than these are no accident of a machine that stood still for a moment.
most_unsteady=3
fuzz_seconds=${PSHARE_FUZZ_SECONDS:-20}
# One input that takes longer is a hang. Each takes milliseconds; the rest is for a machine that stands still now and then.
fuzz_hang=25
# Nothing that is parsed may ask for more at once: the largest named limit is a bit for each of max_chunks, 8 MiB, twice that while the map grows.
fuzz_largest_mb=32
# The simulations are the same cores as in the unit tests, for much longer.
debug_targets=(unit_tests pshare pshare-server hostile_sender hostile_supernode lying_server relay_peer)
# Little moves in these; what they do is in unit tests as well.
debug_without='^e2e\.(accepting|codes_on_the_wire|consent|identity|memory|options|outlet|server|stun)\.'
# Threads meet in these: drivers with a worker pool, several lanes, several transfers, a stream that is read ahead, an interruption in the middle.
tsan_programs=(pshare pshare-server unit_io unit_secure_io unit_traversal_io unit_udp_io unit_transfer_io unit_relay_io)
tsan_unit='^(unit_io|unit_secure_io|unit_traversal_io|unit_udp_io|unit_transfer_io|unit_relay_io)\.'
tsan_e2e='e2e\.(consent\.one_receive_serves|fidelity\.(several|a_tree)|options\.these_settings|resume\.(an_interrupted|a_tree)|streams\.(standard|a_file))'

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
say() { printf '\n=== %s\n' "$*"; }

known=(release packaging debug tsan fuzz analysis)
with_clang_tidy=true
wanted=()
unit_tests_in_release=false
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) wanted+=(release) ;;
    --all) wanted=("${known[@]}"); unit_tests_in_release=true ;;
    --only)
      [ $# -ge 2 ] && [[ " ${known[*]} windows " == *" $2 "* ]] || { usage >&2; exit 2; }
      wanted+=("$2"); shift ;;
    --full) export PSHARE_E2E_FULL=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
if [ ${#wanted[@]} -eq 0 ]; then
  wanted=(release packaging debug fuzz analysis)
  with_clang_tidy=false
fi
# Compiling them twice is what would take the longest of all.
[[ " ${wanted[*]} " == *" debug "* ]] || unit_tests_in_release=true

passed=0 failed=0
summary=()
failures=build/failures.txt  # names and last words of what failed, said again at the end, where a log that was cut still has them
rm -f "$failures"
count() {  # NAME PASSED FAILED WORDS
  passed=$((passed + $2)) failed=$((failed + $3))
  summary+=("$(printf '%-8s %s passed, %s failed%s' "$1" "$2" "$3" "${4:+, $4}")")
}

on_if() { if "$@"; then echo ON; else echo OFF; fi; }  # COMMAND...
has_unit_tests() { [ "$1" != release ] || "$unit_tests_in_release"; }  # PRESET

build() {  # PRESET TARGET...
  local log=build/$1.log
  mkdir -p build
  # A build folder that quickstart.sh made knows no tests and no benchmarks yet.
  if cmake --preset "$1" -DPSHARE_TESTS="$(on_if [ "$1" != fuzz ])" -DPSHARE_BENCH="$(on_if [ "$1" = release ])" \
      -DPSHARE_UNIT_TESTS="$(on_if has_unit_tests "$1")" \
      >"$log" 2>&1 && cmake --build --preset "$1" --target "${@:2}" -j "$jobs" >>"$log" 2>&1; then return 0; fi
  grep -E -A 12 'error|FAILED|CMake Error' "$log" | head -n 120
  return 1
}

run_ctest() {  # PRESET NAME [CTEST OPTIONS]
  local preset=$1 name=$2 report=build/$1/results-$2.xml totals
  shift 2
  rm -f "$report"
  ctest --preset "$preset" -j "$tests_at_once" --no-tests=error --output-on-failure --output-junit "$top/$report" "$@" || true
  totals=$(head -n 10 "$report" 2>/dev/null | tr '\n' ' ') || true
  number() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" <<<"$totals"; }
  local all bad not_run words unsteady=0
  all=$(number tests) bad=$(number failures) not_run=$(number skipped)
  if [ -z "$all" ]; then count "$name" 0 1 "ctest did not finish"; return; fi
  if [ "$bad" -gt 0 ]; then
    { echo "in $name:"; tests/failures.py "$report"; } >>"$failures"
    unsteady=$(passed_alone "$preset" "$report")
  fi
  words=$([ "$not_run" -eq 0 ] || echo "$not_run skipped")
  [ "$unsteady" -eq 0 ] || words="${words:+$words, }$unsteady UNSTEADY (see above)"
  count "$name" $((all - bad - not_run + unsteady)) $((bad - unsteady)) "$words"
}

# Prints how many of the failed tests in REPORT pass when nothing else runs. docs: tests/README.md, "When a test fails".
passed_alone() {  # PRESET REPORT
  local names name again=0
  mapfile -t names < <(tests/failures.py --again "$2")
  if [ ${#names[@]} -gt "$most_unsteady" ]; then names=(); fi
  for name in "${names[@]}"; do
    if ctest --preset "$1" --no-tests=error --output-on-failure -R "^${name//./\\.}\$" >build/alone.log 2>&1; then
      again=$((again + 1)); echo "--- $name: UNSTEADY, it passed alone" >>"$failures"
    else
      { echo "--- $name: failed alone as well"; tail -n 60 build/alone.log; } >>"$failures"
    fi
  done
  echo "$again"
}

test_preset() {  # PRESET
  say "$1: building"
  local targets=(all)
  [ "$1" != debug ] || targets=("${debug_targets[@]}")
  [ "$1" != tsan ] || targets=("${tsan_programs[@]}")
  if ! build "$1" "${targets[@]}"; then count "$1" 0 1 "it does not build"; return; fi
  say "$1: testing"
  case "$1" in
    tsan)
      run_ctest tsan tsan -R "$tsan_unit"
      run_ctest tsan tsan-e2e -R "$tsan_e2e" ;;
    debug) run_ctest debug debug -R '^(unit_|e2e\.)' -E "$debug_without" ;;
    release) run_ctest release release -LE '^packaging$' ;;
    *) run_ctest "$1" "$1" ;;
  esac
}

# With what a release build has compiled, as far as that goes.
packaging() {
  say "packaging: building"
  if ! build release pshare pshare-server natlab-internet; then count packaging 0 1 "it does not build"; return; fi
  say "packaging: testing"
  run_ctest release packaging -L '^packaging$'
}

fuzz() {
  say "fuzz: building"
  if ! build fuzz fuzzers; then count fuzz 0 1 "it does not build"; return; fi
  say "fuzz: $fuzz_seconds s for each target"
  local good=0 bad=0 name targets
  mapfile -t targets < <(cut -d ' ' -f 1 build/fuzz/fuzz_targets.txt)
  rm -rf build/fuzz/passed
  mkdir -p build/fuzz/passed
  for name in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$fuzzers_at_once" ]; do wait -n || true; done
    fuzz_one "$name" &
  done
  wait
  for name in "${targets[@]}"; do
    if [ -e "build/fuzz/passed/$name" ]; then good=$((good + 1)); continue; fi
    bad=$((bad + 1))
    { echo "--- fuzz: $name"; tail -n 40 "build/fuzz/$name.log"; } | tee -a "$failures"
  done
  count fuzz "$good" "$bad"
}

# What is installed there meets the programs of here.
windows() {
  say "windows: building"
  if ! packaging/msi/build.sh; then count windows 0 1 "it does not build"; return; fi
  if ! build release pshare pshare-server; then count windows 0 1 "release does not build"; return; fi
  say "windows: testing"
  local report=build/windows/results.xml
  rm -f "$report"
  PSHARE_BIN_DIR=$top/build/release/bin /usr/bin/python3 -B -m pytest --junit-xml="$report" tests/windows | tee build/windows-tests.log || true
  local totals all bad
  totals=$(tr '\n' ' ' <"$report" 2>/dev/null) || true
  attribute() { sed -n "s/.*<testsuite [^>]*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" <<<"$totals"; }
  all=$(attribute tests)
  if [ -z "$all" ]; then count windows 0 1 "pytest did not finish"; return; fi
  bad=$(($(attribute failures) + $(attribute errors)))
  [ "$bad" -eq 0 ] || { echo "--- windows"; tail -n 200 build/windows-tests.log; } >>"$failures"
  count windows $((all - bad - $(attribute skipped))) "$bad"
}

# Both tools end with "N files, M findings".
analysis() {
  say "analysis: cppcheck"
  analysed cppcheck tests/analysis/cppcheck.sh
  "$with_clang_tidy" || return 0
  say "analysis: clang-tidy"
  if ! cmake --preset analysis >build/analysis.log 2>&1; then tail -n 20 build/analysis.log; count tidy 0 1 "it does not configure"; return; fi
  analysed tidy tests/analysis/tidy.py --jobs "$jobs"
}
analysed() {  # NAME COMMAND...
  local log=build/analysis-$1.log
  mkdir -p build
  if "${@:2}" >"$log" 2>&1; then
    count "$1" 1 0 "$(tail -n 1 "$log")"
  else
    { echo "--- analysis: $1"; tail -n 200 "$log"; } | tee -a "$failures"
    count "$1" 0 1 "$(tail -n 1 "$log")"
  fi
}

# A crash, a leak, a hang (of one input, or of the target for minutes) and an allocation above the limit all end it with a failure.
fuzz_one() {  # NAME
  local found=build/fuzz/found/$1 log=build/fuzz/$1.log
  mkdir -p "$found"
  if timeout -k 10 $((fuzz_seconds + 300)) "build/fuzz/bin/$1" -max_total_time="$fuzz_seconds" -timeout="$fuzz_hang" -rss_limit_mb=2048 \
      -malloc_limit_mb="$fuzz_largest_mb" -print_final_stats=1 -artifact_prefix="$found/bad-" \
      "$found" $([ ! -d "tests/fuzz/corpus/$1" ] || echo "tests/fuzz/corpus/$1") >"$log" 2>&1; then
    touch "build/fuzz/passed/$1"
    echo "$1: nothing found in $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions, $(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
  else
    echo "$1: FAILED"
  fi
}

packaging/setup.sh --tests
begun=$SECONDS
for each in "${wanted[@]}"; do
  case "$each" in
    fuzz) fuzz ;;
    packaging) packaging ;;
    analysis) analysis ;;
    windows) windows ;;
    *) test_preset "$each" ;;
  esac
done

if [ -s "$failures" ]; then say "what failed"; cat "$failures"; fi
say "after $(((SECONDS - begun) / 60)) min $(((SECONDS - begun) % 60)) s"
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
