#!/usr/bin/env bash
# Shows pshare at work on this machine alone: sets up, builds, and has alice send a file to bob. Each of them sits behind a router of their own, in
# network namespaces that the kernel makes for the occasion (no root needed), and a server that both know stands outside. The file goes straight from
# home to home, and the router in between has counted it. What each of them types and sees is printed with their name in front.
#
#   packaging/quickstart.sh           sends 64 MiB of random bytes, and removes everything afterwards
#   packaging/quickstart.sh FILE      sends FILE (or a directory); bob's copy stays, and it is said where
#
# Where namespaces are not allowed it says so, and all three share this machine's loopback interface instead.
# Needs root only where packages have to be installed. Nothing is left running. The second time it is a matter of seconds.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$top/build/release/bin
generated_mebibytes=64
patience_seconds=30
PATH=$PATH:/usr/sbin:/sbin  # where nft is

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
say() { printf '\n== %s\n' "$*"; }
give_up() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

# --- two homes and a server ----------------------------------------------------------------------------------------------
#
#   alice 192.168.1.10 -- alice.router 81.2.70.2 --+
#                                                  internet -- server 81.2.69.10
#   bob   192.168.1.10 -- bob.router   81.2.71.2 --+
#
# The internet is the namespace that we are in. Addresses look public to those inside and are seen by nobody else.

server_address=81.2.69.10
forwards='echo 1 >/proc/sys/net/ipv4/ip_forward'

inside() {  # NAMESPACE COMMAND...
  local namespace=$1
  shift
  nsenter --net="/run/netns/$namespace" -- "$@"
}

cable() {  # NAMESPACE DEVICE ADDRESS NAMESPACE DEVICE ADDRESS; "-" is the namespace that we are in
  ip link add cable-a type veth peer name cable-b
  cable_end cable-a "$1" "$2" "$3"
  cable_end cable-b "$4" "$5" "$6"
}

cable_end() {  # CABLE NAMESPACE DEVICE ADDRESS
  local in=()
  if [ "$2" != - ]; then
    ip link set "$1" netns "$2"
    in=(-n "$2")
  fi
  ip "${in[@]}" link set "$1" name "$3"
  ip "${in[@]}" address add "$4" dev "$3"
  ip "${in[@]}" link set "$3" up
}

home() {  # NAME NETWORK: a computer, and a router that translates and lets in what was asked for alone
  ip netns add "$1"
  ip netns add "$1.router"
  cable "$1" eth0 192.168.1.10/24 "$1.router" lan 192.168.1.1/24
  cable "$1.router" wan "$2.2/24" - "$1" "$2.1/24"
  ip -n "$1" route add default via 192.168.1.1
  ip -n "$1.router" route add default via "$2.1"
  inside "$1.router" bash -c "$forwards"
  inside "$1.router" nft -f - <<'RULES'
table ip router {
  chain translate { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
  chain uninvited {
    ct state established,related accept
    iifname "wan" drop
  }
  chain input { type filter hook input priority filter; jump uninvited; }
  chain forward { type filter hook forward priority filter; jump uninvited; }
}
RULES
}

make_internet() {
  mount -t tmpfs tmpfs /run  # for the namespaces' names
  ip link set lo up
  eval "$forwards"
  ip netns add server
  cable server eth0 "$server_address/24" - server 81.2.69.1/24
  ip -n server route add default via 81.2.69.1
  home alice 81.2.70
  home bob 81.2.71
  nft -f - <<'RULES'
table ip internet {
  counter between_homes {}
  counter by_the_server {}
  chain forward {
    type filter hook forward priority filter;
    iifname { "alice", "bob" } oifname { "alice", "bob" } counter name between_homes
    iifname "server" counter name by_the_server
    oifname "server" counter name by_the_server
  }
}
RULES
}

counted() { nft list counter ip internet "$1" | sed -n 's/.*bytes \([0-9]*\).*/\1/p'; }

# The words that lead into namespaces of our own, or why there are none.
inside_of=()
why_not=
look_for_namespaces() {
  local tool as_user
  for tool in unshare nsenter ip nft; do
    command -v "$tool" >/dev/null || { why_not="$tool is not installed"; return 0; }
  done
  for as_user in no yes; do
    inside_of=(unshare --net --mount --pid --fork --kill-child=SIGKILL --mount-proc)
    if [ "$as_user" = yes ]; then inside_of+=(--user --map-root-user)
    elif [ "$(id -u)" -ne 0 ]; then continue; fi
    if why_not=$("${inside_of[@]}" bash "${BASH_SOURCE[0]}" --try 2>&1); then
      why_not=
      return 0
    fi
  done
  why_not=$(head -n 1 <<<"$why_not")
  if [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ]; then
    why_not+=" (sysctl kernel.apparmor_restrict_unprivileged_userns=0 would allow it)"
  fi
}

# --- one transfer ----------------------------------------------------------------------------------------------------------

in_place_of() {  # NAME COMMAND...: runs it in that one's namespace, if there are any
  local who=$1
  shift
  if [ -n "$in_namespaces" ]; then exec nsenter --net="/run/netns/$who" -- "$@"; else exec "$@"; fi
}

# as NAME COMMAND...: runs it in NAME's home, and shows what they type and what they see.
as() {
  local who=$1 label
  shift
  label=$(printf '%-5s | ' "$who")
  { printf '$'; printf ' %q' "$@"; printf '\n'; } | sed -u "s/^/$label/"
  (PSHARE_HOME=$world/$who.home PATH=$bin:$PATH in_place_of "$who" "$@") 2>&1 </dev/null | sed -u "s/^/$label/"
}

id_of() { PSHARE_HOME=$world/$1.home "$bin/pshare" --json id | sed 's/.*"peer_id":"\([^"]*\)".*/\1/'; }

transfer() {
  local listen server=
  if [ -n "$in_namespaces" ]; then
    say "two homes behind a router each, and a server outside"
    make_internet
    sed -n '/^# --- two homes/,/^# The internet/s/^#   //p' "${BASH_SOURCE[0]}"
    listen=$server_address:4700
  else
    listen=127.0.0.1:0
  fi

  say "a server, just for now"
  mkfifo "$world/server.says"
  (in_place_of server "$bin/pshare-server" --listen "$listen" --data "$world/server") >"$world/server.says" 2>"$world/server.log" &
  started+=($!)
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
  local receiving=$!
  started+=("$receiving")
  as alice pshare send "$file" --to bob &
  local sending=$!
  started+=("$sending")
  wait "$sending"  # unlike a command in the foreground, this can be interrupted
  wait "$receiving"

  if [ -n "$in_namespaces" ]; then
    say "what the internet between them has counted"
    printf '%12s bytes from home to home\n%12s bytes from and to the server\n' "$(counted between_homes)" "$(counted by_the_server)"
  fi
}

started=()
end_started() {
  for job in "${started[@]}"; do kill -KILL -- "-$job" 2>/dev/null || true; done
  for job in "${started[@]}"; do wait "$job" 2>/dev/null || true; done
}

in_namespaces=
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  --try) make_internet; exit 0 ;;  # these two are for this script alone: it runs itself again inside
  --inside)
    in_namespaces=yes world=$2 file=$3 received=$4
    transfer
    exit 0 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
if [ $# -eq 1 ] && [ ! -e "$1" ]; then give_up "there is no \"$1\""; fi

# --- build -----------------------------------------------------------------------------------------------------------------

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

# --- a world of its own ------------------------------------------------------------------------------------------------------

world=$(mktemp -d "${TMPDIR:-/tmp}/pshare-quickstart.XXXXXX")
received=$world/received
identical=
set -m  # a process group for each background job, so that all of a pipeline can be ended
clean_up() {
  trap - EXIT INT TERM
  end_started
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

look_for_namespaces
if [ -z "$why_not" ]; then
  "${inside_of[@]}" bash "${BASH_SOURCE[0]}" --inside "$world" "$file" "$received" &
  started+=($!)
  wait "$!"
else
  say "no homes with routers here, so all three share this machine's loopback interface: $why_not"
  transfer
fi

# --- is it the same? -----------------------------------------------------------------------------------------------------------

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
