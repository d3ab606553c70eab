#!/usr/bin/env bash
# What a bare lane makes of a link between two hosts of the laboratory of kernels (tests/natlab): QUIC with BBR and with CUBIC, and TCP beside it.
#
#   tests/bench/quic_link.sh [LINE]       LINE: in the words of `natlab sites`; usual: rate=200mbit,delay=45ms,loss=1%,queue=2500kb
#
# The other host has 5 ms to the backbone, so the usual round trip is 100 ms. Programs: PSHARE_BIN_DIR, else build/release/bin.
# Settings by environment: SIZE (MiB), RUNS, WITH ("quic-bbr quic-cubic tcp").
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PSHARE_BIN_DIR=${PSHARE_BIN_DIR:-$top/build/release/bin}
export SIZE=${SIZE:-128} RUNS=${RUNS:-3} WITH=${WITH:-quic-bbr}
line=${1:-rate=200mbit,delay=45ms,loss=1%,queue=2500kb}
KEYS=$(mktemp -d)
export KEYS
trap 'rm -rf "$KEYS"' EXIT

"$top/tests/natlab/natlab" run --a "public,$line" --b public,delay=5ms -- bash -c '
  set -e
  for run in $(seq "$RUNS"); do
    for with in $WITH; do
      nsenter --net=/run/netns/b "$PSHARE_BIN_DIR/bench_quic_link" receive "$NATLAB_B:4700" "$NATLAB_A:4700" "$KEYS" --size "$SIZE" --with "$with" &
      for attempt in 1 2 3 4 5 6 7 8 9 10; do  # the keys are made and TCP listens within moments
        sleep 0.3
        "$PSHARE_BIN_DIR/bench_quic_link" send "$NATLAB_A:4700" "$NATLAB_B:4700" "$KEYS" --size "$SIZE" --with "$with" && break
      done
      wait
    done
  done'
