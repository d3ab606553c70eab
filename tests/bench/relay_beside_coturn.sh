#!/usr/bin/env bash
# What a gigabyte costs our relay and coturn, in processor time, in one run: bench_relay, then turnserver with turnutils_uclient over TCP.
#
#   tests/bench/relay_beside_coturn.sh [MESSAGES]        what turnutils_uclient sends, 1,200 bytes each; usual: 20000
#
# The two do not do the same: coturn takes each message out of one TCP connection and sends it as a datagram to the other allocation, we join two byte streams.
# It says what a server that peers use as their last resort costs, and no more. Its RFC 6062 mode (turnutils_uclient -T), which does join streams,
# sent nothing with coturn 4.6.1.
set -euo pipefail

messages=${1:-20000}
size=1200
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/release/bin/bench_relay
[ -x "$bench" ] || { echo "first: cmake --build --preset release --target bench_relay" >&2; exit 1; }
command -v turnserver turnutils_uclient >/dev/null || { echo "coturn is not there: packaging/setup.sh --tests" >&2; exit 1; }
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$scratch"' EXIT

"$bench" --size 2048 --runs 3 --sessions 20 --seconds 1 | head -n 4

port=$((20000 + RANDOM % 10000))
turnserver -n --no-auth --listening-ip 127.0.0.1 --relay-ip 127.0.0.1 --listening-port "$port" --allow-loopback-peers --no-tls --no-dtls --no-cli \
  --userdb "$scratch/db" --pidfile "$scratch/pid" --log-file stdout >"$scratch/server.log" 2>&1 &
server=$!
sleep 1
ticks() { awk '{print $14 + $15}' "/proc/$server/stat"; }
before=$(ticks)
timeout 300 turnutils_uclient -t -y -c -m 2 -n "$((messages / 2))" -l "$size" -z 0 -p "$port" 127.0.0.1 >"$scratch/client.log" 2>&1
after=$(ticks)
arrived=$(sed -n 's/.*tot_recv_bytes ~ \([0-9]*\).*/\1/p' "$scratch/client.log" | tail -n 1)
[ "${arrived:-0}" -gt 0 ] || { tail -n 5 "$scratch/client.log" "$scratch/server.log" >&2; exit 1; }
awk -v ticks="$((after - before))" -v hz="$(getconf CLK_TCK)" -v bytes="$arrived" -v messages="$messages" -v size="$size" \
  'BEGIN { printf "coturn over TCP, %d messages of %d bytes   %6.3f s of processor for each GB\n", messages, size, ticks / hz / bytes * 1e9 }'
