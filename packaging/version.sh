#!/usr/bin/env bash
# Prints the version of this tree, for instance
#
#   0.1.0                        a release: the commit with the tag v0.1.0
#   0.1.0+git12.abcdef0          12 commits after it
#   0.2.0~git560.abcdef0         on the way to 0.2.0, which CMakeLists.txt names and nobody has tagged yet; 560 commits so far
#   0.2.0~git560.abcdef0+dirty   and with changes that are in no commit
#   0.2.0~git.abcdef0            the same in an archive that git made, where the number of commits is not known
#   0.2.0~unknown                neither git nor an archive of its making
#
# Debian's tools compare them rightly: 0.2.0~git9 < 0.2.0~git560 < 0.2.0 < 0.2.0+git12.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
project=$(sed -n 's/^project(pshare VERSION \([0-9.]*\).*/\1/p' "$top/CMakeLists.txt")

# A tree that belongs to somebody else is read all the same: whoever asks for its version runs its scripts anyway.
git_here() { git -C "$top" -c safe.directory="$top" "$@" 2>/dev/null; }

commits=
if [ "$(git_here rev-parse --show-toplevel)" = "$top" ] && commit=$(git_here rev-parse HEAD); then  # not a repository that this tree merely lies in
  described=$(git_here describe --tags --long --match="v$project" || true)
  commits=$(git_here rev-list --count HEAD)
  dirty=$([ -z "$(git_here status --porcelain --untracked-files=no)" ] || echo +dirty)
else
  # `git archive` has filled this in (.gitattributes).
  read -r commit described <"$top/packaging/archived"
  dirty=
fi

short=${commit:0:7}
of_release="^v${project//./\\.}(-([0-9]+)-g[0-9a-f]+)?\$"  # v0.1.0, or v0.1.0-12-gabcdef0
if [[ $commit == *[!0-9a-f]* ]]; then echo "$project~unknown"
elif [[ ! $described =~ $of_release ]]; then echo "$project~git$commits.$short$dirty"
elif [ "${BASH_REMATCH[2]:-0}" -ne 0 ]; then echo "$project+git${BASH_REMATCH[2]}.$short$dirty"
else echo "$project$dirty"; fi
