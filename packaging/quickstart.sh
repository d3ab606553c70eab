#!/usr/bin/env bash
# Shows pshare at work on this machine alone: sets up, builds, starts a server and two people of its own, alice and bob, and sends
# a file from her to him. What each of them types and sees is printed with their name in front.
#
#   packaging/quickstart.sh           sends 64 MiB of random bytes, and removes everything afterwards
#   packaging/quickstart.sh FILE      sends FILE (or a directory); bob's copy stays, and it is said where
#
# Needs root only where packages have to be installed. Nothing is left running. The second time it is a matter of seconds.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$top/build/release/bin
generated_mebibytes=64
patience_seconds=30

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
say() { printf '\n== %s\n' "$*"; }
give_up() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
if [ $# -eq 1 ] && [ ! -e "$1" ]; then give_up "there is no \"$1\""; fi

# --- build -----------------------------------------------------------------------------------------------------------

quietly() {  # shows what a command said only if it fails
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    give_up "\"$1 $2\" failed; its last words are above"
  fi
  rm -f "$log"
}

"$top/packaging/setup.sh"
say "building pshare (the first time this takes a few minutes)"
cd "$top"
quietly cmake --preset release -DPSHARE_TESTS=OFF -DPSHARE_BENCH=OFF
quietly cmake --build --preset release --target pshare pshare-server
cd "$OLDPWD"

# --- a world of its own ------------------------------------------------------------------------------------------------

world=$(mktemp -d "${TMPDIR:-/tmp}/pshare-quickstart.XXXXXX")
received=$world/received
identical=
started=()
set -m  # a process group for each background job, so that all of a pipeline can be ended
clean_up() {
  trap - EXIT INT TERM
  for job in "${started[@]}"; do kill -- "-$job" 2>/dev/null || true; done
  for job in "${started[@]}"; do wait "$job" 2>/dev/null || true; done
  rm -rf "$world"
  [ -n "$identical" ] || rm -rf "$received"  # half a copy is of no use to anybody
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
unset PSHARE_SERVER PSHARE_HOME

if [ $# -eq 1 ]; then
  file=$(realpath -- "$1")
  received=$(mktemp -d "${TMPDIR:-/tmp}/pshare-received.XXXXXX")
else
  file=$world/"some random bytes"
  head -c "${generated_mebibytes}M" /dev/urandom >"$file"
  mkdir "$received"
fi

# as NAME COMMAND...: runs it in NAME's home, and shows what they type and what they see.
as() {
  local who=$1 label
  shift
  label=$(printf '%-5s | ' "$who")
  { printf '$'; printf ' %q' "$@"; printf '\n'; } | sed -u "s/^/$label/"
  PSHARE_HOME=$world/$who.home PATH=$bin:$PATH "$@" 2>&1 </dev/null | sed -u "s/^/$label/"
}

id_of() { PSHARE_HOME=$world/$1.home "$bin/pshare" --json id | sed 's/.*"peer_id":"\([^"]*\)".*/\1/'; }

say "a server, on this machine and just for now"
mkfifo "$world/server.says"
"$bin/pshare-server" --listen 127.0.0.1:0 --data "$world/server" >"$world/server.says" 2>"$world/server.log" &
started+=($!)
server=
exec {says}<"$world/server.says"
while [ -z "$server" ] && read -r -t "$patience_seconds" -u "$says" line; do
  printf 'server| %s\n' "$line"
  case "$line" in *--server\ *) server=${line##*--server } ;; esac
done
[ -n "$server" ] || { cat "$world/server.log" >&2; give_up "the server did not start"; }

say "alice and bob make themselves known to it, and to each other"
as alice pshare init --name alice --server "$server"
as bob pshare init --name bob --server "$server"
as alice pshare contacts add bob "$(id_of bob)"
as bob pshare contacts add alice "$(id_of alice)"

say "alice sends, bob receives"
as bob pshare receive --dir "$received" --yes --once &
receiving=$!
started+=("$receiving")
as alice pshare send "$file" --to bob &
sending=$!
started+=("$sending")
wait "$sending"  # unlike a command in the foreground, this can be interrupted
wait "$receiving"

# --- is it the same? -----------------------------------------------------------------------------------------------------

copy=$received/$(basename -- "$file")
if [ -d "$file" ]; then
  diff -r --no-dereference -- "$file" "$copy" || give_up "what arrived differs from what was sent"
else
  cmp -- "$file" "$copy" || give_up "what arrived differs from what was sent"
fi
identical=yes
say "bob's copy is identical to what alice sent"
if [ $# -eq 1 ]; then
  printf 'It is at %s\n' "$copy"
fi
