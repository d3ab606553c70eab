#!/usr/bin/env bash
# Installs what building pshare needs, on Debian and its relatives. Root is used for installing packages and for nothing else. What the
# release has only in a version that is too old is fetched into build/deps (ngtcp2.sh).
#
#   packaging/setup.sh            what the build needs
#   packaging/setup.sh --deb      and what packages are made with (packaging/deb/build.sh)
#   packaging/setup.sh --tests    and what the tests need, those of packages among them
#   packaging/setup.sh --windows  and what building for Windows needs, and trying it out under Wine (1.1 GB)
#
# Where everything is there already it says so and is done: no network, no root.
# Written for and tested on Debian 12. Debian 13 and Ubuntu 24.04 have packages of the same names (not tested).
set -euo pipefail

# The last line is for the two homes that quickstart.sh shows.
build_packages=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libasio-dev libssl-dev libsodium-dev libzstd-dev libxxhash-dev
  libcli11-dev libtomlplusplus-dev libspdlog-dev nlohmann-json3-dev libsqlite3-dev
  libgnutls28-dev libminiupnpc-dev libqrencode-dev
  iproute2 nftables
)
# clang builds the fuzz targets; util-linux gives end-to-end tests small file systems and namespaces, the line after it systems of their own to install packages
# in; the second line is what tests/second is made of. Completions are tried in real shells, manual pages
# read by man and mandoc. The last three lines are routers' code and the tools of others for the laboratory of tests/natlab: the programs alone are wanted,
# no service.
test_packages=(
  libgtest-dev libgmock-dev python3 python3-pytest
  python3-nacl python3-openssl python3-xxhash python3-zstandard
  clang libclang-rt-dev clang-tidy cppcheck util-linux iputils-ping
  debootstrap systemd-container
  zsh fish man-db mandoc
  miniupnpd-nftables
  miniupnpc natpmpc stun-client coturn
  tinyproxy-bin dante-server
)
# The compiler with POSIX threads; what Debian's source packages are unpacked and built with; what makes an .msi.
windows_packages=(
  g++-mingw-w64-x86-64-posix
  dpkg-dev debian-archive-keyring autoconf automake libtool make perl tcl
  wixl msitools wine64
  python3 python3-pytest
)
package_packages=(build-essential debhelper fakeroot lintian)
# Debian starts these when it installs them. Nobody asked for that, so they are kept from it; one that was there before is left alone.
unwanted_services=(coturn danted)

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
}

say() { printf 'setup: %s\n' "$*" >&2; }

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Compiler runtimes are named after their version before Debian 13: any of them will do.
has_clang_runtime() {
  command -v clang++ >/dev/null && [ -e "$(clang++ -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a" ]
}

is_there() {
  case "$1" in
    libclang-rt-dev) is_installed "$1" || has_clang_runtime ;;
    pkg-config) is_installed pkg-config || is_installed pkgconf ;;
    *) is_installed "$1" ;;
  esac
}

finish() {  # WORDS
  "$(dirname "${BASH_SOURCE[0]}")/ngtcp2.sh"
  say "$1"
  exit 0
}

become_root=()
find_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    become_root=(sudo)
    return 0
  fi
  return 1
}

wanted=("${build_packages[@]}")
case "${1:-}" in
  '') ;;
  --deb) wanted+=("${package_packages[@]}") ;;
  --tests) wanted+=("${package_packages[@]}" "${test_packages[@]}") ;;
  --windows) wanted+=("${windows_packages[@]}") ;;
  -h | --help) usage; exit 0 ;;
  *) say "unknown option \"$1\""; usage >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "this is no Debian (no apt-get). Install what these Debian packages hold, then build with cmake: ${wanted[*]}"
  exit 1
fi

# Where the system's own ngtcp2 is new enough it is one package among the others.
offered=$(apt-cache policy libngtcp2-dev 2>/dev/null | sed -n 's/^  Candidate: //p') || true
if [ -n "$offered" ] && [ "$offered" != "(none)" ] && dpkg --compare-versions "$offered" ge 1.11; then
  wanted+=(libngtcp2-dev libngtcp2-crypto-gnutls-dev)
fi

missing=()
for package in "${wanted[@]}"; do
  is_there "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  finish "everything that is needed is installed"
fi

if ! find_root; then
  say "these packages are missing, and installing them needs root: ${missing[*]}"
  say "as root:  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  exit 1
fi
say "installing ${missing[*]}"
masked=()
if command -v systemctl >/dev/null; then
  for service in "${unwanted_services[@]}"; do
    [[ " ${missing[*]} " == *" $service "* ]] || continue
    "${become_root[@]}" systemctl --quiet mask "$service" 2>/dev/null && masked+=("$service")
  done
fi
export DEBIAN_FRONTEND=noninteractive
"${become_root[@]}" apt-get -qq -o Acquire::Retries=3 update
"${become_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends "${missing[@]}" >/dev/null
for service in "${masked[@]}"; do
  "${become_root[@]}" systemctl --quiet unmask "$service" && "${become_root[@]}" systemctl --quiet disable "$service"
done
finish "installed"
