#!/usr/bin/env bash
# Builds the packages pshare, pshare-server and pshare-supernode for this machine's Debian, into build/deb: *.deb and SHA256SUMS.
#
#   packaging/deb/build.sh                        installs what is needed (packaging/setup.sh), builds, and has lintian look at what came of it
#   packaging/deb/build.sh --check-reproducible   and builds all of it once more, elsewhere and without ccache: the same bits, or it fails
#   packaging/deb/build.sh --out DIR              into that folder
#   packaging/deb/build.sh --work DIR             compiling there instead of in build/packages
#   packaging/deb/build.sh --version VERSION      called so, whatever packaging/version.sh says
#
# What is built are the files that git has, as they are now. The same commit gives the same bits, on machines with the same packages. Root is used for installing
# packages alone. With a warm ccache it takes a minute or two, the first time on two cores about a quarter of an hour.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$top"
out=$top/build/deb work=$top/build/packages version='' twice=''

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
say() { printf 'deb: %s\n' "$*" >&2; }

while [ $# -gt 0 ]; do
  case "$1" in
    --check-reproducible) twice=yes ;;
    --out) [ $# -ge 2 ] || { usage >&2; exit 2; }; out=$(realpath -m -- "$2"); shift ;;
    --work) [ $# -ge 2 ] || { usage >&2; exit 2; }; work=$(realpath -m -- "$2"); shift ;;
    --version) [ $# -ge 2 ] || { usage >&2; exit 2; }; version=$2; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

packaging/setup.sh --deb
[ -n "$version" ] || version=$(packaging/version.sh)

in_git=
[ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$top" ] || in_git=yes
if [ -n "$in_git" ]; then SOURCE_DATE_EPOCH=$(git log -1 --format=%ct); else SOURCE_DATE_EPOCH=$(stat -c %Y packaging/archived); fi
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
umask 022
# Also where debhelper gives what it runs an empty home.
if command -v ccache >/dev/null; then CCACHE_DIR=$(ccache --get-config cache_dir); export CCACHE_DIR; fi

# What git has, with its times, so that little is compiled again. The build folder lies in it as in any tree, since that is how ccache knows what a release
# build has compiled.
copy_tree() {  # TO
  if [ -d "$1/build" ]; then rm -rf "$1.build"; mv "$1/build" "$1.build"; fi
  rm -rf "$1"
  mkdir -p "$1"
  if [ -d "$1.build" ]; then mv "$1.build" "$1/build"; else mkdir "$1/build"; fi
  [ ! -d build/deps ] || ln -sfn "$(realpath build/deps)" "$1/build/deps"
  if [ -n "$in_git" ]; then git ls-files -z | tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$1"
  else tar --create --exclude=./build . | tar --extract --directory "$1"; fi
  cp -R packaging/deb/debian "$1/debian"
  cat >"$1/debian/changelog" <<END
pshare ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' packaging/deb/debian/control)  $(date --utc --date="@$SOURCE_DATE_EPOCH" -R)
END
}

make_packages() {  # PLACE OUT: PLACE gets a tree and a build folder
  local log=$1/log
  mkdir -p "$1"
  copy_tree "$1/tree"
  rm -f "$1"/*.deb "$1"/*.buildinfo "$1"/*.changes
  if ! (cd "$1/tree" && PSHARE_VERSION=$version PSHARE_DEB_JOBS="-j$(nproc)" \
      dpkg-buildpackage --build=binary --no-pre-clean -us -uc) >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    say "it does not build; all of it is in $log"
    exit 1
  fi
  mkdir -p "$2"
  rm -f "$2"/*.deb "$2/SHA256SUMS"
  mv "$1"/*.deb "$2"
  (cd "$2" && sha256sum -- *.deb >SHA256SUMS)
}

say "building $version"
make_packages "$work" "$out"

say "lintian looks at it"
lintian --allow-root --fail-on error,warning "$out"/*.deb >&2

if [ -n "$twice" ]; then
  say "building it once more"
  again=$(mktemp -d "${TMPDIR:-/tmp}/pshare-again.XXXXXX")
  trap 'rm -rf "$again"' EXIT
  CCACHE_DISABLE=1 make_packages "$again/somewhere/else" "$again/out"
  if ! diff "$out/SHA256SUMS" "$again/out/SHA256SUMS" >&2; then
    say "the second build gave other bits"
    exit 1
  fi
  say "the second build gave the same bits"
fi
(cd "$out" && ls -1 -- *.deb)
