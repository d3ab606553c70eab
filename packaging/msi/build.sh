#!/usr/bin/env bash
# Makes what users of Windows install: pshare-VERSION-x64.msi, and a zip of the same programs for those who want no installer. On Debian, with
# nothing from elsewhere. docs/windows.md, docs/decisions/0028.
#
#   packaging/msi/build.sh            into build/msi, where SHA256SUMS names them
#   packaging/msi/build.sh --newest   with what Debian has by now of the libraries (libraries.sh)
#
# The same commit gives the same bytes. The first time most of it goes into the libraries: a quarter of an hour on two cores that did much else.
# Needs root only where packages have to be installed.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
packages=build/msi
built=build/windows
staged=$built/staged
host=x86_64-w64-mingw32
# Of the name that the .msi's codes are derived from; never to be changed, nor is the UpgradeCode in pshare.wxs.
family=91552AC9-341C-40BF-96AD-410278EA4356

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
say() { printf 'msi: %s\n' "$*" >&2; }
give_up() { say "$*"; exit 1; }

of_libraries=()
case "${1:-}" in
  '') ;;
  --newest) of_libraries=(--newest) ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

# --- the programs ------------------------------------------------------------------------------------------------------------

packaging/setup.sh --windows
packaging/msi/libraries.sh "${of_libraries[@]}"

version=$(packaging/version.sh)
commits=$(git rev-list --count HEAD) || give_up "how many commits there are says which .msi is newer: this has to be a git checkout"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8

say "compiling $version"
mkdir -p "$built"
if ! { cmake --preset windows -DPSHARE_VERSION="$version" && cmake --build --preset windows --target pshare pshare-server -j "$(nproc)"; } >"$built.log" 2>&1; then
  grep -E -A 12 'error|FAILED|CMake Error' "$built.log" | head -n 120 >&2
  give_up "pshare did not compile. All of what was said is in $built.log"
fi

# --- what goes into both -------------------------------------------------------------------------------------------------------

windows_text() { sed 's/\r*$/\r/'; }  # lines end as Notepad has always wanted it

rm -rf "$staged"
mkdir -p "$staged"
for program in pshare pshare-server; do
  "$host-strip" --preserve-dates -o "$staged/$program.exe" "$built/bin/$program.exe"
done
windows_text <LICENSE >"$staged/LICENSE.txt"
windows_text <packaging/msi/README.txt >"$staged/README.txt"
third_parties() {
  local copyrights=build/deps/windows/copyright library license
  echo "pshare is made with these. What they ask to be told is below; texts that they call /usr/share/common-licenses/... come at the end."
  for library in "$copyrights"/*; do
    [ "${library##*/}" != googletest ] || continue  # in the tests alone
    printf '\n\n=== %s\n\n' "${library##*/}"
    cat "$library"
  done
  grep -hoE '/usr/share/common-licenses/[A-Za-z0-9.+-]*[A-Za-z0-9]' "$copyrights"/* | sort -u | while read -r license; do
    printf '\n\n=== %s\n\n' "$license"
    cat "$license"
  done
}
third_parties | windows_text >"$staged/THIRD-PARTY.txt"
find "$staged" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

# --- the .msi --------------------------------------------------------------------------------------------------------------------

# An installer compares three numbers of a version, so the third one counts commits: what is newer on a branch is newer here, released or not.
product_version=$(sed -n 's/^project(pshare VERSION \([0-9]*\.[0-9]*\)\..*/\1/p' CMakeLists.txt).$commits

# Codes that say "this very product" and "this very file": from what is in it, so that another build has others and the same build the same.
contents=$(cd "$staged" && sha256sum -- * | sha256sum | cut -d ' ' -f 1)
code() { python3 -c 'import sys, uuid; print(str(uuid.uuid5(uuid.UUID(sys.argv[1]), " ".join(sys.argv[2:]))).upper())' "$family" "$@"; }

# A table as msibuild imports it: fields are parted by tabs.
row() { local IFS=$'\t'; printf '%s\r\n' "$*"; }

edit() {  # TABLE SED-COMMANDS
  msiinfo export "$msi" "$1" | sed "$2" >"$table"
  msibuild "$msi" -i "$table" || give_up "the .msi refused its table $1"
}
query() { msibuild "$msi" -q "$1" || give_up "the .msi refused: $1"; }

make_msi() {  # FILE
  local msi=$1 words table=$built/table.idt tab=$'\t'
  rm -f "$msi"
  # Of what it does not know, wixl only warns, and leaves it out.
  words=$(wixl -a x64 -D ProductCode="$(code product "$product_version" "$contents")" -D ProductVersion="$product_version" -D Version="$version" \
    -D Files="$staged" -o "$msi" packaging/msi/pshare.wxs 2>&1) || give_up "wixl: $words"
  [ -z "$words" ] || give_up "wixl: $words"

  # Names for those who know but eight letters and three.
  query "UPDATE File SET FileName = 'PSHARE~1.EXE|pshare-server.exe' WHERE File = 'pshare_server.exe'"
  query "UPDATE File SET FileName = 'THIRD-~1.TXT|THIRD-PARTY.txt' WHERE File = 'THIRD_PARTY.txt'"

  # 8.1 is 603 as well: to an installer, Windows 10 still says so.
  query "INSERT INTO LaunchCondition (Condition, Description) VALUES ('Installed OR VersionNT >= 603', 'pshare needs Windows 10 or later.')"
  # Another build of the same commit count takes the place of this one, too (513: keep the choice of features, the version itself included).
  edit Upgrade "s/${tab}1$tab\(.*${tab}WIX_UPGRADE_DETECTED\)/${tab}513$tab\1/"

  # PATH of the machine: "=" sets, "-" takes away with the component, "*" is the machine's; [~] is what was there.
  { row Environment Name Value Component_
    row s72 l255 L255 s72
    row Environment Environment
    row PathOfMachine '=-*PATH' '[~];[INSTALLDIR]' Program; } >"$table"
  msibuild "$msi" -i "$table" || give_up "the .msi refused PATH"
  query "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('RemoveEnvironmentStrings', 3300)"
  query "INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('WriteEnvironmentStrings', 5200)"

  # So that peers reach pshare without Windows asking. 3170: a program with a folder to start in (34), with the installer's rights (1024 + 2048),
  # and a firewall that refuses is no reason not to install (64). An upgrade removes the old rule before it adds the new one.
  local netsh='"[System64Folder]netsh.exe" advfirewall firewall'
  query "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('AllowThroughFirewall', 3170, 'INSTALLDIR', '$netsh add rule name=\"pshare\" dir=in action=allow program=\"[#pshare.exe]\" enable=yes')"
  query "INSERT INTO CustomAction (Action, Type, Source, Target) VALUES ('ForgetFirewallRule', 3170, 'INSTALLDIR', '$netsh delete rule name=\"pshare\"')"
  query "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('AllowThroughFirewall', 'NOT Installed', 4001)"
  query "INSERT INTO InstallExecuteSequence (Action, Condition, Sequence) VALUES ('ForgetFirewallRule', 'REMOVE=\"ALL\"', 3499)"

  # When it was made, and its code, are the only things in it that would be others each time. 9, 12 and 13 are their numbers in every .msi.
  local made
  made=$(date -u -d "@$SOURCE_DATE_EPOCH" '+%Y/%m/%d %H:%M:%S')
  edit _SummaryInformation "s|^9$tab.*|9$tab{$(code package "$product_version" "$contents")}\r|; s|^\(1[23]\)$tab.*|\1$tab$made\r|"
}

check_msi() {  # FILE: that nothing of the above got lost
  local msi=$1 expected table rest
  while read -r table rest; do
    msiinfo export "$msi" "$table" | tr -d '\r' | tr '\t' ' ' | grep -qF -- "$rest" || give_up "$msi lacks, in the table $table: $rest"
  done <<ROWS
Environment PathOfMachine =-*PATH [~];[INSTALLDIR] Program
CustomAction AllowThroughFirewall 3170 INSTALLDIR
CustomAction ForgetFirewallRule 3170 INSTALLDIR
InstallExecuteSequence RemoveEnvironmentStrings  3300
InstallExecuteSequence ForgetFirewallRule REMOVE="ALL" 3499
InstallExecuteSequence InstallFiles  4000
InstallExecuteSequence AllowThroughFirewall NOT Installed 4001
InstallExecuteSequence WriteEnvironmentStrings  5200
InstallExecuteSequence RemoveExistingProducts  1401
LaunchCondition NOT WIX_DOWNGRADE_DETECTED
LaunchCondition Installed OR VersionNT >= 603
Upgrade {$family}  $product_version  513  WIX_UPGRADE_DETECTED
Property ProductVersion $product_version
_SummaryInformation 7 x64;1033
ROWS
  expected=$(cd "$staged" && printf 'pshare/%s\n' * | sort)
  rest=$(msiextract -l "$msi" | grep -v '^$' | sort)
  [ "$rest" = "$expected" ] || give_up "$msi holds"$'\n'"$rest"$'\n'"instead of"$'\n'"$expected"
}

# --- both ----------------------------------------------------------------------------------------------------------------------------

rm -rf "$packages"  # of one version at a time
mkdir -p "$packages"
msi=$packages/pshare-$version-x64.msi
zip=$packages/pshare-$version-x64.zip
make_msi "$built/pshare.msi"
check_msi "$built/pshare.msi"
make_msi "$built/again.msi"
cmp "$built/pshare.msi" "$built/again.msi" >&2 || give_up "made twice, the .msi is another one"
rm "$built/again.msi"
packaging/msi/zip.py "$built/pshare.zip" "pshare-$version" "$staged" "$SOURCE_DATE_EPOCH"
mv "$built/pshare.msi" "$msi"
mv "$built/pshare.zip" "$zip"

(cd "$packages" && sha256sum -- "${msi##*/}" "${zip##*/}" >SHA256SUMS)
say "$msi, $(stat -c %s "$msi") bytes"
say "$zip, $(stat -c %s "$zip") bytes"
