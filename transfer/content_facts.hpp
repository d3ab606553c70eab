// What a receipt says of a transfer (wire/receipt.hpp), from its manifest and the tree over its contents.
//
// The digest of names: SHA-256 over all entries in the order of the manifest, each
//
//    u8 type (0 file, 1 directory, 2 link) | u32 number of its parent, FFFFFFFF for none | u16 length of the name, the name
//    u64 size (a file's; a stream's is 0) | u16 length of the target, the target (a link's)
//
// It is there beside that of the manifest because files that are looked at later have other times and versions than those that travelled.
#pragma once

#include "transfer/content_tree.hpp"
#include "transfer/manifest.hpp"
#include "wire/receipt.hpp"

namespace pshare {

/// `bytes`: for a stream, its length. The tree has all leaves. Walks the whole manifest: for the worker pool.
ContentFacts content_facts(const Manifest& manifest, const ContentTree& contents, bool stream, std::uint64_t bytes);

/// The digest of names alone.
Sha256Digest names_digest(const Manifest& manifest);

}  // namespace pshare
