// Names that came from the network, judged before they come near a disk: which components, which link targets and which
// top-level names are taken, and how a name is changed that exists already.
//
// Everything legal in a Linux file name is kept: control characters, newlines, bytes that are no UTF-8. (Whoever shows a name
// to people makes it printable first; how it is written where the platform cannot hold it: transfer/platform_name.hpp.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

/// The longest name of one component, and the longest target of a symbolic link, in bytes. Linux: NAME_MAX, PATH_MAX - 1.
inline constexpr std::size_t max_name = 255;
inline constexpr std::size_t max_link_target = 4095;

/// How the receiver's own folders begin, which no peer may name; in no mixture of capitals either, as there are file systems, on
/// sticks and shares, that take these for the same.
inline constexpr std::string_view partial_prefix = ".pshare-partial";

/// One component. Errors: malformed ("", ".", "..", a '/' or NUL in it), limit (longer than max_name).
Result<void> check_name(std::string_view name);

/// A component at the top level, right in the destination: besides, not one of ours. Errors: as check_name.
Result<void> check_top_level_name(std::string_view name);

/// The target of a symbolic link that lies in `depth` directories of its transfer (0: at the top level; "tree/link": 1).
/// It is kept only if, whatever else is in the transfer, it cannot lead out of the top-level directory it lies in:
///   - it is relative, not empty, has no NUL;
///   - ".." stands only in front, and fewer than `depth` times, so climbing ends in that directory at the latest. The
///     directories above a link are real ones (a manifest's parents are), so climbing through them is what it looks like;
///   - after the first ordinary component there is no ".." at all: that component might be a link to elsewhere in the tree,
///     and ".." of *there* is anywhere;
///   - so a link at the top level is always refused: all it could name is itself or its neighbours, which may be anybody's.
/// Errors: malformed, limit.
Result<void> check_link_target(std::string_view target, std::size_t depth);

/// The name to take instead of `name` when that exists, for n = 1, 2, ...: "film (1).mkv", "archive (2).tar.gz",
/// ".bashrc (1)". Never longer than max_name bytes; what must go to fit goes from the stem, whole UTF-8 sequences at a time.
std::string numbered(std::string_view name, unsigned n);

}  // namespace pshare
