#include "transfer/io/placement.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

/// Whether the file system takes the two for one.
bool is_same_name(const std::string& one, const std::string& other) {
  return this_platform == Platform::windows ? without_case(one) == without_case(other) : one == other;
}

Result<Place> place_in(const Handle& directory, const std::string& name) { return place_beneath(directory, name); }

}  // namespace

Placement::Placement(const Handle& destination, const DataTree& data, PartialFolder& folder, JournalFile& journal, const Manifest& manifest,
                   OnConflict on_conflict, const Watcher& watcher)
    : destination_(destination), data_(data.handle()), local_names_(data.names()), folder_(folder), journal_(journal), manifest_(manifest), on_conflict_(on_conflict), watcher_(watcher) {
  for (EntryIndex index; index.number < manifest.entries(); ++index.number)
    if (!manifest.entry(index).parent) tops_.push_back(index);
}

Unexpected Placement::trouble(EntryIndex entry, std::error_code cause) const {
  return Unexpected{disk_trouble("giving " + manifest_.path(entry) + " its final name", cause)};
}

EntryIndex Placement::top_of(EntryIndex entry) const {
  while (const auto parent = manifest_.entry(entry).parent) entry = *parent;
  return entry;
}

const FinalName& Placement::name_of(EntryIndex top) const {
  const auto found = std::lower_bound(tops_.begin(), tops_.end(), top);
  return names_[static_cast<std::size_t>(found - tops_.begin())];
}

std::string Placement::final_path(EntryIndex entry) const {
  const auto path = local_names_.path(entry);
  const auto slash = path.find('/');
  return name_of(top_of(entry)).name + (slash == path.npos ? "" : path.substr(slash));
}

// --- which name -----------------------------------------------------------------------------------------------------

bool Placement::is_taken(const std::string& name) const {
  return kind_at(destination_, name) || std::any_of(names_.begin(), names_.end(), [&](const FinalName& each) { return is_same_name(each.name, name); });
}

std::string Placement::free_name(std::string_view wanted, unsigned& number) const {
  auto name = number == 0 ? std::string{wanted} : numbered(wanted, number);
  while (is_taken(name)) name = numbered(wanted, ++number);
  return name;
}

Result<void> Placement::decide() {
  names_.clear();
  for (const auto top : tops_) {
    const auto entry = manifest_.entry(top);
    const auto wanted = local_names_.name(top);
    const auto existing = kind_at(destination_, wanted);
    if (existing && on_conflict_ == OnConflict::skip) {
      names_.push_back({FinalName::How::dropped, wanted});
      remarks_.push_back(wanted + " is there already and was left as it is");
      continue;
    }
    // A directory is never replaced by something else.
    if (existing && on_conflict_ == OnConflict::overwrite && (entry.type == EntryType::directory || *existing != Kind::folder)) {
      names_.push_back({FinalName::How::replace, wanted});
      continue;
    }
    unsigned number = 0;
    auto name = free_name(wanted, number);
    if (name != wanted) remarks_.push_back(wanted + " is there already: the new one is " + name);
    names_.push_back({FinalName::How::fresh, std::move(name)});
  }
  watcher_("names");
  return folder_.save_names(names_);
}

// --- moving ---------------------------------------------------------------------------------------------------------

Result<void> Placement::move_fresh(EntryIndex entry, FinalName& final) {
  const auto wanted = local_names_.name(entry);
  for (unsigned number = 0;;) {
    const auto from = place_in(data_, wanted), to = place_in(destination_, final.name);
    if (!from) return trouble(entry, from.error().cause);
    if (!to) return trouble(entry, to.error().cause);
    const auto renamed = rename_fresh(*from, *to);
    if (renamed) return {};
    const auto cause = renamed.error().cause;
    if (cause == std::errc::no_such_file_or_directory && !kind_at(data_, wanted)) return {};  // moved before an interruption
    if (cause != std::errc::file_exists) return trouble(entry, cause);
    final.name = free_name(wanted, ++number);  // somebody took the name since it was decided
    remarks_.push_back(wanted + " is there already: the new one is " + final.name);
    if (auto saved = folder_.save_names(names_); !saved) return saved;
  }
}

/// Ours takes the place of what is there: files and links are replaced, directories never by anything else.
Result<void> Placement::replace_one(EntryIndex entry, const Place& from, const Place& to) {
  const bool directory = manifest_.entry(entry).type == EntryType::directory;
  const auto existing = kind_at(to.parent, to.name);
  if (!directory && existing == Kind::folder) {
    for (unsigned number = 1;; ++number) {
      const auto beside = place_beneath(to.parent, numbered(to.name, number));
      if (!beside) return trouble(entry, beside.error().cause);
      const auto renamed = rename_fresh(from, *beside);
      if (!renamed && renamed.error().cause == std::errc::file_exists) continue;
      if (!renamed) return trouble(entry, renamed.error().cause);
      remarks_.push_back(manifest_.path(entry) + " is a folder there: the new file is " + beside->name);
      return {};
    }
  }
  if (directory && existing)
    if (auto removed = remove_name(to.parent, to.name); !removed) return trouble(entry, removed.error().cause);
  if (auto renamed = rename_over(from, to); !renamed) return trouble(entry, renamed.error().cause);
  return {};
}

/// All entries below those that replace or merge. A directory that exists on both sides is merged: its entries are moved one by one;
/// any other moves whole, with what is in it.
Result<void> Placement::move_replacing() {
  std::vector<bool> merged(manifest_.entries());
  for (EntryIndex index; index.number < manifest_.entries(); ++index.number) {
    const auto entry = manifest_.entry(index);
    if (entry.parent ? !merged[entry.parent->number] : name_of(index).how != FinalName::How::replace) continue;
    const auto from = place_beneath(data_, local_names_.path(index));
    if (!from) return trouble(index, from.error().cause);
    if (!kind_at(from->parent, from->name)) continue;  // moved before an interruption
    const auto to = place_beneath(destination_, final_path(index));
    if (!to) return trouble(index, to.error().cause);
    if (entry.type == EntryType::directory && kind_at(to->parent, to->name) == Kind::folder) {
      merged[index.number] = true;
      continue;
    }
    watcher_("replace");
    if (auto moved = replace_one(index, *from, *to); !moved) return moved;
  }
  return {};
}

/// Deepest first, so that a directory closes (0555, 0000) only when all below it is done. What cannot be reached was closed before
/// an interruption, or taken away by the user since.
Result<void> Placement::set_up_directories() const {
  for (auto number = static_cast<std::uint32_t>(manifest_.entries()); number-- > 0;) {
    const EntryIndex index{number};
    const auto entry = manifest_.entry(index);
    if (entry.type != EntryType::directory || name_of(top_of(index)).how == FinalName::How::dropped) continue;
    const auto directory = open_beneath(destination_, final_path(index), {.access = Access::adjust});
    if (!directory) {
      const auto cause = directory.error().cause;
      if (cause == std::errc::permission_denied || cause == std::errc::no_such_file_or_directory || cause == std::errc::not_a_directory ||
          cause == std::errc::too_many_symbolic_link_levels)
        continue;
      return trouble(index, cause);
    }
    if (auto set = set_mtime(*directory, entry.mtime); !set) return trouble(index, set.error().cause);
    if (auto set = set_mode(*directory, entry.mode); !set) return trouble(index, set.error().cause);
  }
  return {};
}

Result<std::vector<std::string>> Placement::run(Begin begin) {
  if (begin == Begin::anew) {
    if (auto decided = decide(); !decided) return Unexpected{std::move(decided).error()};
    watcher_("finishing");
    if (auto noted = journal_.mark(JournalRecord::finishing()); !noted)
      return Unexpected{disk_trouble("writing the journal in " + folder_.shown(), noted.error().cause)};
  } else {
    auto names = folder_.load_names();
    if (!names) return Unexpected{std::move(names).error()};
    names_ = *std::move(names);
    if (names_.size() != tops_.size())
      return Unexpected{{.code = Errc::malformed, .doing = "reading the names in " + folder_.shown(),
                         .hint = "remove that folder and run the same command again"}};
  }
  for (std::size_t at = 0; at < tops_.size(); ++at) {
    if (names_[at].how != FinalName::How::fresh) continue;
    watcher_("rename");
    if (auto moved = move_fresh(tops_[at], names_[at]); !moved) return Unexpected{std::move(moved).error()};
  }
  if (auto moved = move_replacing(); !moved) return Unexpected{std::move(moved).error()};
  watcher_("directories");
  if (auto done = set_up_directories(); !done) return Unexpected{std::move(done).error()};
  watcher_("sync");
  if (auto synced = sync_all(destination_); !synced) return Unexpected{disk_trouble("syncing the destination", synced.error().cause)};
  watcher_("finished");
  if (auto noted = journal_.mark(JournalRecord::finished()); !noted)
    return Unexpected{disk_trouble("writing the journal in " + folder_.shown(), noted.error().cause)};
  watcher_("end");

  std::vector<std::string> given;
  for (const auto& each : names_)
    if (each.how != FinalName::How::dropped) given.push_back(each.name);
  return given;
}

}  // namespace pshare
