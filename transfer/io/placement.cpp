#include "transfer/io/placement.hpp"

#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

std::optional<mode_t> type_at(int parent, const std::string& name) {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return status.st_mode & S_IFMT;
}

/// rename(2) that fails with EEXIST instead of overwriting, also on file systems that cannot do that in one step (NFS, FUSE, old
/// kernels): there a link, which never overwrites, and for directories a look beforehand.
int rename_without_overwriting(const Place& from, const Place& to) {
  if (::renameat2(from.parent.fd(), from.name.c_str(), to.parent.fd(), to.name.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  const auto type = type_at(from.parent.fd(), from.name);
  if (!type) return errno = ENOENT, -1;
  if (*type == S_IFDIR) {
    if (type_at(to.parent.fd(), to.name)) return errno = EEXIST, -1;
    return ::renameat(from.parent.fd(), from.name.c_str(), to.parent.fd(), to.name.c_str());
  }
  if (::linkat(from.parent.fd(), from.name.c_str(), to.parent.fd(), to.name.c_str(), 0) != 0) return -1;
  return ::unlinkat(from.parent.fd(), from.name.c_str(), 0);
}

Result<Place> place_in(const Handle& directory, std::string name) { return place_beneath(directory.fd(), std::move(name)); }

}  // namespace

Placement::Placement(const Handle& destination, const Handle& data, PartialFolder& folder, JournalFile& journal, const Manifest& manifest,
                   OnConflict on_conflict, const Watcher& watcher)
    : destination_(destination), data_(data), folder_(folder), journal_(journal), manifest_(manifest), on_conflict_(on_conflict), watcher_(watcher) {
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
  const auto path = manifest_.path(entry);
  const auto slash = path.find('/');
  return name_of(top_of(entry)).name + (slash == path.npos ? "" : path.substr(slash));
}

// --- which name -----------------------------------------------------------------------------------------------------

bool Placement::is_taken(const std::string& name) const {
  return type_at(destination_.fd(), name) || std::any_of(names_.begin(), names_.end(), [&](const FinalName& each) { return each.name == name; });
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
    const std::string wanted{entry.name};
    const auto existing = type_at(destination_.fd(), wanted);
    if (existing && on_conflict_ == OnConflict::skip) {
      names_.push_back({FinalName::How::dropped, wanted});
      remarks_.push_back(wanted + " is there already and was left as it is");
      continue;
    }
    // A directory is never replaced by something else.
    if (existing && on_conflict_ == OnConflict::overwrite && (entry.type == EntryType::directory || *existing != S_IFDIR)) {
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
  const auto wanted = std::string{manifest_.entry(entry).name};
  for (unsigned number = 0;;) {
    const auto from = place_in(data_, wanted), to = place_in(destination_, final.name);
    if (!from) return trouble(entry, from.error().cause);
    if (!to) return trouble(entry, to.error().cause);
    if (rename_without_overwriting(*from, *to) == 0) return {};
    if (errno == ENOENT && !type_at(data_.fd(), wanted)) return {};  // moved before an interruption
    if (errno != EEXIST && errno != ENOTEMPTY) return trouble(entry, last_system_error());
    final.name = free_name(wanted, ++number);  // somebody took the name since it was decided
    remarks_.push_back(wanted + " is there already: the new one is " + final.name);
    if (auto saved = folder_.save_names(names_); !saved) return saved;
  }
}

/// Ours takes the place of what is there: files and links are replaced, directories never by anything else.
Result<void> Placement::replace_one(EntryIndex entry, const Place& from, const Place& to) {
  const bool directory = manifest_.entry(entry).type == EntryType::directory;
  const auto existing = type_at(to.parent.fd(), to.name);
  if (!directory && existing == S_IFDIR) {
    unsigned number = 1;
    auto beside = place_beneath(to.parent.fd(), numbered(to.name, number));
    while (beside && rename_without_overwriting(from, *beside) != 0) {
      if (errno != EEXIST) return trouble(entry, last_system_error());
      beside = place_beneath(to.parent.fd(), numbered(to.name, ++number));
    }
    if (!beside) return trouble(entry, beside.error().cause);
    remarks_.push_back(manifest_.path(entry) + " is a folder there: the new file is " + beside->name);
    return {};
  }
  if (directory && existing && ::unlinkat(to.parent.fd(), to.name.c_str(), 0) != 0 && errno != ENOENT) return trouble(entry, last_system_error());
  if (::renameat(from.parent.fd(), from.name.c_str(), to.parent.fd(), to.name.c_str()) != 0) return trouble(entry, last_system_error());
  return {};
}

/// All entries below those that replace or merge. A directory that exists on both sides is merged: its entries are moved one by one;
/// any other moves whole, with what is in it.
Result<void> Placement::move_replacing() {
  std::vector<bool> merged(manifest_.entries());
  for (EntryIndex index; index.number < manifest_.entries(); ++index.number) {
    const auto entry = manifest_.entry(index);
    if (entry.parent ? !merged[entry.parent->number] : name_of(index).how != FinalName::How::replace) continue;
    const auto from = place_beneath(data_.fd(), manifest_.path(index));
    if (!from) return trouble(index, from.error().cause);
    if (!type_at(from->parent.fd(), from->name)) continue;  // moved before an interruption
    const auto to = place_beneath(destination_.fd(), final_path(index));
    if (!to) return trouble(index, to.error().cause);
    if (entry.type == EntryType::directory && type_at(to->parent.fd(), to->name) == S_IFDIR) {
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
    const auto directory = open_beneath(destination_.fd(), final_path(index), O_RDONLY | O_DIRECTORY);
    if (!directory) {
      const auto cause = directory.error().cause.value();
      if (cause == EACCES || cause == ENOENT || cause == ENOTDIR || cause == ELOOP) continue;
      return trouble(index, directory.error().cause);
    }
    constexpr std::int64_t second = 1'000'000'000;
    const auto rest = (entry.mtime % second + second) % second;
    const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, timespec{(entry.mtime - rest) / second, rest}};
    if (::futimens(directory->fd(), times.data()) != 0 || ::fchmod(directory->fd(), entry.mode & 0777) != 0)
      return trouble(index, last_system_error());
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
  if (::syncfs(destination_.fd()) != 0) return Unexpected{disk_trouble("syncing the destination", last_system_error())};
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
