#!/usr/bin/env bash
# Builds the libraries that pshare for Windows is made of, as static archives, from Debian's source packages: what a preset called `windows` then
# finds in build/deps/windows. docs/decisions/0028.
#
#   packaging/msi/libraries.sh            called by build.sh; seconds when there is nothing to do
#   packaging/msi/libraries.sh --newest   first takes what Debian has by now, and writes that into sources.sha256
#
# Which sources: packaging/msi/sources.sha256 names each file and what it must hold. They come from the Debian mirrors that this machine's own apt
# sources name, and stay in build/deps/sources, because a mirror drops a version when Debian has a newer one. PSHARE_SOURCES is another folder for them.
# No root. What this needs is installed by `packaging/setup.sh --windows`.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pins=$top/packaging/msi/sources.sha256
toolchain=$top/cmake/windows-toolchain.cmake
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# In this order: ngtcp2 is linked with OpenSSL. googletest is for the unit tests.
libraries=(libzstd libsodium sqlite3 miniupnpc xxhash qrencode googletest openssl ngtcp2)
# Where --newest looks. Bookworm's versions are those that pshare is built with elsewhere; it has no QUIC over OpenSSL, which came with
# OpenSSL 3.5 and ngtcp2 1.12, and its qrencode serves as well as any.
declare -A suites=([openssl]="trixie-security trixie" [ngtcp2]="trixie-backports forky" [qrencode]="bookworm forky")
usual_suites="bookworm-security bookworm"
# What the Windows build takes of the host are headers alone: these have no other part, or none that is needed.
header_packages=(libasio-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev)
headers=(asio asio.hpp spdlog fmt nlohmann CLI toml++)

say() { printf 'libraries: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 1; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

newest=false
case "${1:-}" in
  '') ;;
  --newest) newest=true ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

mkdir -p "$top/build/deps"
deps=$(cd "$top/build/deps" && pwd -P)  # build folders that share it may have a link here
sources=${PSHARE_SOURCES:-$deps/sources}
sysroot=$deps/windows
work=$deps/windows.building
mkdir -p "$sources" "$sysroot"/{lib,include,built,copyright}
exec {lock}>"$deps/windows.lock"
flock "$lock"
rm -rf "$work"
mkdir -p "$work/bin"
trap 'rm -rf "$work"' EXIT

# --- sources -----------------------------------------------------------------------------------------------------------------

pinned() { grep -F "/$1_" "$pins"; }  # LIBRARY: its lines of sources.sha256
version_of() { pinned "$1" | sed -n "s|.*/$1_\(.*\)\.dsc\$|\1|p"; }
mirrors() { apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' "Origin: $1" | sed -n 's/^main //p' | sort -u; }

fetch() {  # LIBRARY: what the cache lacks of it
  local sum file name mirror came
  while read -r sum file; do
    name=${file##*/}
    if echo "$sum  $sources/$name" | sha256sum --check --status 2>/dev/null; then continue; fi
    came=
    for mirror in $(mirrors Debian) $(mirrors Debian); do  # twice: a mirror may have a bad moment
      rm -f "$work/$name"
      "${download[@]}" -o Dir::Cache="$work" "${mirror%/}/$file" "$work/$name" >>"$work/download.log" 2>&1 || continue
      if echo "$sum  $work/$name" | sha256sum --check --status; then came=yes; break; fi
      say "$mirror has a $name that is not the one in sources.sha256"
    done
    [ -n "$came" ] || give_up "no mirror has $name: Debian has replaced it by a newer version. Take that by \"packaging/msi/libraries.sh --newest\", and try what comes out"
    mv "$work/$name" "$sources/$name"
  done < <(pinned "$1")
}
# apt's own way to fetch one file, which knows of the machine's proxies.
download=(/usr/lib/apt/apt-helper download-file)

# Writes sources.sha256 anew, from what the suites have. apt checks the signatures, in a state of its own, with Debian's keys; the machine's
# sources, apt's lists and what is installed stay as they are.
take_newest() {
  local library version uri suite state=$work/apt
  mkdir -p "$state"/{state/lists/partial,cache/archives/partial}
  cat >"$state/apt.conf" <<CONF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$state/mirror.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$state/state";
Dir::State::lists "$state/state/lists";
Dir::State::status "/dev/null";
Dir::Cache "$state/cache";
APT::Sandbox::User "";
Acquire::Retries "3";
CONF
  grep '^#' "$pins" >"$work/pins"
  for library in "${libraries[@]}"; do
    : >"$state/mirror.sources"
    for suite in ${suites[$library]:-$usual_suites}; do
      for uri in $(mirrors Debian); do
        # Mirrors name the folder of security updates so.
        case "$suite/$uri" in *-security/*-security/) ;; *-security/* | */*-security/) continue ;; esac
        printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$uri" "$suite" "$keyring" >>"$state/mirror.sources"
      done
    done
    apt-get -qq -c "$state/apt.conf" update -o APT::Update::Error-Mode=any
    version=
    # A mirror may list what it does not have (yet, or any more): then the one before is the newest that can be had.
    for version in $(apt-cache -c "$state/apt.conf" showsrc --only-source "$library" | sed -n 's/^Version: //p' | sort -u | sort_versions); do
      rm -rf "$work/$library"
      mkdir "$work/$library"
      if (cd "$work/$library" && apt-get -qq -c "$state/apt.conf" source --download-only "$library=$version") >"$work/download.log" 2>&1; then break; fi
      version=
    done
    [ -n "$version" ] || { cat "$work/download.log" >&2; give_up "no mirror gave the sources of $library"; }
    say "$library $version"
    (cd "$work/$library" && sha256sum -- *) | sed "s|  |  $(pool_folder "$state" "$library" "$version")/|" >>"$work/pins"
    mv -f "$work/$library"/* "$sources/"
  done
  mv "$work/pins" "$pins"
}
pool_folder() {  # STATE LIBRARY VERSION
  apt-cache -c "$1/apt.conf" showsrc --only-source "$2" | awk -v version="$3" 'BEGIN { RS = ""; FS = "\n" }
    { is = 0; folder = ""; for (i = 1; i <= NF; i++) { if ($i == "Version: " version) is = 1; if ($i ~ /^Directory: /) folder = substr($i, 12) }
      if (is) { print folder; exit } }'
}
sort_versions() {  # newest first, as Debian counts
  local sorted=() version i
  while read -r version; do
    for ((i = 0; i < ${#sorted[@]}; i++)); do
      if dpkg --compare-versions "$version" gt "${sorted[i]}"; then break; fi
    done
    sorted=("${sorted[@]:0:i}" "$version" "${sorted[@]:i}")
  done
  printf '%s\n' "${sorted[@]}"
}

# --- how each is built: called in its unpacked source ------------------------------------------------------------------------------

host=x86_64-w64-mingw32
# Windows 10. The map keeps the name of this folder out of what is built.
flags="-O2 -D_WIN32_WINNT=0x0A00 -fstack-protector-strong"
nowhere="-ffile-prefix-map=$work/="

with_cmake() {  # SOURCE OPTION...
  cmake -G Ninja -S "$1" -B "$work/cmake" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DPSHARE_WINDOWS_SYSROOT="$sysroot" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$sysroot" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DCMAKE_C_FLAGS="$flags $nowhere" -DCMAKE_CXX_FLAGS="$flags $nowhere" \
    "${cmake_launcher[@]}" "${@:2}"
}

# The folder that OpenSSL reads its configuration from is one that only an administrator can write; told as --openssldir it would be taken for a
# Unix path, which on Windows means a folder that anybody may make. It is not read at all (no-autoload-config), and nothing loads modules from it.
# What pshare never negotiates is left out. OpenSSL keeps the flags it was compiled with, so the map is the compiler's own business (below).
build_openssl() {
  # shellcheck disable=SC2086  # the flags are several words
  ./Configure mingw64 --cross-compile-prefix=$host- --prefix="$sysroot" --libdir=lib no-shared no-tests no-docs no-apps no-module \
    no-legacy no-engine no-autoload-config no-dtls no-comp no-cmp no-cms no-ts no-srp no-psk no-idea no-seed no-camellia no-aria no-bf \
    no-cast no-rc2 no-rc4 no-rc5 no-des no-md4 no-mdc2 no-whirlpool no-sm2 no-sm3 no-sm4 no-gost no-uplink $flags
  local there='C:/Program Files/pshare/ssl'
  make -j"$(nproc)" OPENSSLDIR="$there" ENGINESDIR="$there/engines" MODULESDIR="$there/modules" build_libs
  make install_dev OPENSSLDIR="$there" ENGINESDIR="$there/engines" MODULESDIR="$there/modules"
}

build_ngtcp2() {
  with_cmake . -DENABLE_SHARED_LIB=OFF -DENABLE_OPENSSL=ON -DBUILD_TESTING=OFF -DOPENSSL_USE_STATIC_LIBS=ON -DOPENSSL_ROOT_DIR="$sysroot"
  cmake --build "$work/cmake" --target ngtcp2_static ngtcp2_crypto_ossl_static
  cmake --install "$work/cmake"
}

build_libzstd() {
  with_cmake build/cmake -DZSTD_BUILD_SHARED=OFF -DZSTD_BUILD_PROGRAMS=OFF -DZSTD_BUILD_TESTS=OFF
  cmake --build "$work/cmake" --target install
}

build_libsodium() {  # Debian's tar is without a configure
  autoreconf -fi
  ./configure --host=$host --prefix="$sysroot" --disable-shared CFLAGS="$flags $nowhere"
  make -j"$(nproc)" install
}

# The amalgamation is made by programs that run here; what comes out is one file to compile for there.
build_sqlite3() {
  ./configure --disable-tcl --disable-shared --disable-readline
  make sqlite3.c sqlite3.h
  # shellcheck disable=SC2086
  $host-gcc $flags $nowhere -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c -o sqlite3.o
  $host-ar rcsD "$sysroot/lib/libsqlite3.a" sqlite3.o
  cp sqlite3.h "$sysroot/include/"
}

build_miniupnpc() {
  with_cmake . -DUPNPC_BUILD_SHARED=OFF -DUPNPC_BUILD_TESTS=OFF -DUPNPC_BUILD_SAMPLE=OFF
  cmake --build "$work/cmake" --target install
}

build_xxhash() {
  with_cmake cmake_unofficial -DXXHASH_BUILD_XXHSUM=OFF
  cmake --build "$work/cmake" --target install
}

build_qrencode() {
  with_cmake . -DWITH_TOOLS=NO -DWITHOUT_PNG=YES -DWITH_TESTS=NO -DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON
  cmake --build "$work/cmake" --target install
}

build_googletest() {
  with_cmake .
  cmake --build "$work/cmake" --target install
}

# --- building what is not built yet ---------------------------------------------------------------------------------------------

# Here the plain names mean the compilers with POSIX threads (of the two kinds that Debian has, the one with std::thread), through ccache.
ccache=$(command -v ccache || true)
for tool in gcc g++; do
  command -v $host-$tool-posix >/dev/null || give_up "there is no $host-$tool-posix: packaging/setup.sh --windows installs it"
  printf '#!/bin/sh\nexec %s %s %s "$@"\n' "$ccache" "$host-$tool-posix" "$nowhere" >"$work/bin/$host-$tool"
done
chmod +x "$work/bin"/*
PATH=$work/bin:$PATH
cmake_launcher=()
[ -z "$ccache" ] || cmake_launcher=(-DCMAKE_C_COMPILER_LAUNCHER="$ccache" -DCMAKE_CXX_COMPILER_LAUNCHER="$ccache")
export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
# OpenSSL writes down when it was built.
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct -- "$pins" 2>/dev/null || true)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

# What a library is made of: of what is written here, and of the compiler.
made_of() {  # LIBRARY
  { pinned "$1"; declare -f "build_$1" with_cmake; echo "$flags"; "$host-gcc" --version
    [ "$1" != ngtcp2 ] || made_of openssl; } | sha256sum
}

build() {  # LIBRARY
  local begun=$SECONDS log=$deps/windows.$1.log made
  made=$(made_of "$1")
  if [ "$(cat "$sysroot/built/$1" 2>/dev/null)" = "$made" ]; then return 0; fi
  fetch "$1"
  say "building $1 $(version_of "$1")"
  # In the background, because the shell lets a failure pass in what stands behind an "if".
  (
    set -euo pipefail
    rm -rf "$work/cmake" "${work:?}/$1"
    dpkg-source --no-check -x "$sources/$1_$(version_of "$1").dsc" "$work/$1"
    cd "$work/$1"
    "build_$1"
    cp "$work/$1/debian/copyright" "$sysroot/copyright/$1"
  ) >"$log" 2>&1 &
  if ! wait $!; then
    tail -n 40 "$log" >&2
    give_up "$1 did not build. All of what it said is in $log"
  fi
  rm -rf "$work/cmake" "${work:?}/$1"
  echo "$made" >"$sysroot/built/$1"
  say "built $1 in $((SECONDS - begun)) s"
}

# /usr/include as a whole would bring the C library's headers with it.
copy_headers() {
  local package header made
  made=$(dpkg-query -W "${header_packages[@]}") || give_up "these packages are needed: ${header_packages[*]} (packaging/setup.sh)"
  if [ "$(cat "$sysroot/built/headers" 2>/dev/null)" = "$made" ]; then return 0; fi
  rm -rf "$sysroot/headers"
  mkdir "$sysroot/headers"
  for header in "${headers[@]}"; do cp -rL "/usr/include/$header" "$sysroot/headers/"; done
  # Of the compiler's own runtime as well: a part of it is in every program.
  for package in "${header_packages[@]}" mingw-w64-x86-64-dev; do cp "/usr/share/doc/$package/copyright" "$sysroot/copyright/${package%-dev}"; done
  dpkg-query -W -f '${Package} ${source:Upstream-Version}\n' "${header_packages[@]}" >"$sysroot/headers/versions"
  echo "$made" >"$sysroot/built/headers"
}

if "$newest"; then take_newest; fi
copy_headers
for library in "${libraries[@]}"; do build "$library"; done
say "everything is in build/deps/windows"
