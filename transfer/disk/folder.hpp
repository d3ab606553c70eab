// What can be done to the names in an open folder. No symbolic link is ever followed: a name that is one means the link itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transfer/disk/beneath.hpp"
#include "transfer/disk/file.hpp"

namespace pshare {

#ifdef _WIN32
/// Whether a name can go while somebody has the file open.
inline constexpr bool open_files_can_be_removed = false;
/// Whether sync_all() brings the contents of all files to disk; if not, each file must be synced.
inline constexpr bool whole_file_systems_sync = false;
#else
inline constexpr bool open_files_can_be_removed = true;
inline constexpr bool whole_file_systems_sync = true;
#endif

/// Of what the user named: symbolic links are followed.
Result<Facts> facts_named(const std::filesystem::path& path);
Result<Facts> facts_at(const Handle& folder, const std::string& name);
/// Nothing: there is no such name, or it cannot be looked at.
std::optional<Kind> kind_at(const Handle& folder, const std::string& name);
/// Whether we may open it for reading, without opening it where that can be told.
Result<void> check_readable(const Handle& folder, const std::string& name);
Result<void> check_readable(const std::filesystem::path& file);
/// Whether we may make files in this folder.
Result<void> check_writable(const Handle& folder);

/// One that is private to us; one that is there stays as it is.
Result<void> make_folder(const Handle& parent, const std::string& name);
/// A file or folder of ours that has its final mode already becomes writable again, and private.
Result<void> reopen(const Handle& parent, const std::string& name);
Result<void> reopen(const Handle& folder);

/// A file or a link. Nothing there: fine.
Result<void> remove_name(const Handle& folder, const std::string& name);
/// A file, or a folder with all that lies in it, whatever modes its folders have. Nothing there: fine.
Result<void> remove_tree(const Handle& folder, const std::string& name);

/// Takes the place of a file or link that has the name.
Result<void> rename_over(const Place& from, const Place& to);
/// Never overwrites. Errors: file_exists; directory_not_empty counts as that too.
Result<void> rename_fresh(const Place& from, const Place& to);

/// Where a symbolic link leads, components joined by '/'. Nothing: it leads by means that other systems have not got (a drive, a volume).
Result<std::optional<std::string>> link_target(const Handle& folder, const std::string& name);
/// Makes one, in the place of what has the name, with this time. `to_folder`: what it leads to is a folder (Windows wants to know).
/// Errors also: operation_not_permitted (Windows: links need a right that users often have not).
Result<void> make_link(const Place& link, std::string_view target, bool to_folder, std::int64_t mtime);

/// Everything in the file system that this folder is part of is on disk; Windows: the names in this folder are.
Result<void> sync_all(const Handle& folder);
/// For the current user, in bytes.
Result<std::uint64_t> free_space(const Handle& folder);

}  // namespace pshare
