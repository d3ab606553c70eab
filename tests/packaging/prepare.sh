#!/usr/bin/env bash
# What the tests in this folder begin with, in build/packaging: the packages of this tree (debs/), the same with a lower version (earlier/), and a bare Debian of this
# machine's release (root/) that has systemd, and in its cache what the packages depend on, so that the tests need no internet. Quick the second time, as root alone.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
place=$top/build/packaging
release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
mkdir -p "$place"
exec 9>"$place/lock"
flock 9

# The earlier one first: what is left in the build folder is then of this tree.
"$top/packaging/deb/build.sh" --version 0.0.9 --out "$place/earlier"
"$top/packaging/deb/build.sh" --out "$place/debs"

mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n "s/^$release main //p" | head -n 1)
[ -n "$mirror" ] || { echo "this machine's apt sources name no mirror of $release main" >&2; exit 1; }

root=$place/root
wanted=$(for each in "$place"/debs/*.deb; do dpkg-deb -f "$each" Depends | sed 's/pshare ([^)]*)//'; done)
[ "$(cat "$place/root.depends" 2>/dev/null)" != "$wanted" ] || exit 0
rm -rf "$root"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libpam-systemd,adduser "$release" "$root" "$mirror" >"$place/debootstrap.log" 2>&1 ||
  { tail -n 20 "$place/debootstrap.log" >&2; exit 1; }
cp "$place"/debs/*.deb "$root/tmp"
cp /etc/resolv.conf "$root/etc/resolv.conf"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 ${http_proxy:+"http_proxy=$http_proxy"} chroot "$root" sh -c '
  apt-get -qq update && apt-get -qq install --yes --no-install-recommends --download-only /tmp/*.deb' >>"$place/debootstrap.log" 2>&1 ||
  { tail -n 20 "$place/debootstrap.log" >&2; exit 1; }
rm "$root"/tmp/*.deb "$root/etc/resolv.conf"
printf '%s\n' "$wanted" >"$place/root.depends"
