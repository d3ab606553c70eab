#!/usr/bin/env bash
# Fetches ngtcp2, the QUIC library, where the system's own packages are too old for pshare (Debian 12: 0.12): Debian's packages of
# the release's backports, into build/deps/ngtcp2, which all build folders share. docs/decisions/0017.
#
#   packaging/ngtcp2.sh           called by setup.sh; quick when there is nothing to do
#
# The mirror is the one that this machine's own apt sources name; those sources, apt's lists and the installed packages stay as they are.
# apt itself checks the signatures, in a state of its own, with Debian's keys. No root.
set -euo pipefail

needed=1.11
packages=(libngtcp2-dev libngtcp2-crypto-gnutls-dev)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
place=$top/build/deps/ngtcp2

say() { printf 'setup: %s\n' "$*" >&2; }
give_up() { say "ngtcp2: $*"; say "pshare needs ${packages[*]} >= $needed: install them, or unpack them (dpkg-deb -x) into $place"; exit 1; }

version_of() { dpkg-query -W -f='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p' || true; }
installed=$(version_of libngtcp2-dev)
if [ -n "$installed" ] && dpkg --compare-versions "$installed" ge "$needed" && [ -n "$(version_of libngtcp2-crypto-gnutls-dev)" ]; then
  exit 0
fi
if [ -e "$place/usr/include/ngtcp2/version.h" ]; then exit 0; fi

release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
[ -n "$release" ] || give_up "this system does not say which release of Debian it is"
[ -r "$keyring" ] || give_up "there is no $keyring to check signatures with (package debian-archive-keyring)"
mirrors=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$release main //p" | sort -u)
[ -n "$mirrors" ] || give_up "this machine's apt sources name no mirror of $release main"

mkdir -p "$top/build/deps"
work=$(mktemp -d "$top/build/deps/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,tree}

# What the machine's configuration says of proxies holds here too; what it does after an update does not concern these lists.
cat >"$work/apt.conf" <<EOF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$work/mirror.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$work/state";
Dir::State::lists "$work/state/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work/cache";
APT::Sandbox::User "";
Acquire::Retries "3";
EOF
own_apt() { apt-get -qq -c "$work/apt.conf" "$@"; }

fetch_from() {  # MIRROR
  cat >"$work/mirror.sources" <<EOF
Types: deb
URIs: $1
Suites: $release-backports
Components: main
Targets: Packages
Signed-By: $keyring
EOF
  own_apt update -o APT::Update::Error-Mode=any && (cd "$work" && rm -f ./*.deb && own_apt download "${packages[@]}")
}

fetched=
for mirror in $mirrors; do
  if fetch_from "$mirror" >"$work/log" 2>&1; then fetched=yes; break; fi
  sed 's/^/setup: /' "$work/log" >&2
done
[ -n "$fetched" ] || give_up "no mirror gave the packages of $release-backports; apt's words are above"

for package in "$work"/*.deb; do
  version=$(dpkg-deb -f "$package" Version)
  dpkg --compare-versions "$version" ge "$needed" || give_up "$release-backports has $version"
  dpkg-deb -x "$package" "$work/tree"
done
rm -rf "$place"
mv -T "$work/tree" "$place"
say "fetched ngtcp2 $version from $release-backports into build/deps/ngtcp2"
