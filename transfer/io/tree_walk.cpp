#include "transfer/io/tree_walk.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "transfer/disk/folder.hpp"
#include "transfer/exclusion.hpp"
#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/local_target.hpp"
#include "transfer/local_names.hpp"
#include "transfer/safe_name.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

std::string_view words_for(Kind kind) {
  switch (kind) {
    case Kind::pipe: return "a named pipe";
    case Kind::socket: return "a socket";
    case Kind::device: return "a device";
    default: return "neither a file nor a directory";
  }
}

/// What the manifest says of something, apart from its name and place.
Entry described(const Facts& facts) {
  Entry entry;
  entry.mode = facts.mode;
  entry.mtime = facts.mtime;
  if (facts.kind == Kind::file) {
    entry.type = EntryType::file;
    entry.size = facts.size;
    entry.version = facts.version;
    entry.sparse = facts.allocated < facts.size;
  } else {
    entry.type = facts.kind == Kind::link ? EntryType::symlink : EntryType::directory;
  }
  return entry;
}

class Walk {
 public:
  explicit Walk(const FileSource::Settings& settings) : settings_(settings) {}

  Result<Walked> run() {
    for (const auto& path : settings_.paths)
      if (auto added = add_root(path); !added) return Unexpected{std::move(added).error()};
    if (walked_.manifest.entries() == 0) return nothing_left();
    const auto suited = chunk_size_for(walked_.manifest.bytes());
    if (!suited) return Unexpected{suited.error()};
    const bool fits = settings_.chunk_size != 0 && chunks_in(walked_.manifest.bytes(), settings_.chunk_size) <= max_chunks;
    walked_.manifest.seal(fits ? settings_.chunk_size : *suited);
    return std::move(walked_);
  }

 private:
  struct Named {
    std::filesystem::path path;  // absolute
    std::string name;            // here
  };

  Result<Walked> nothing_left() const {
    Error error{.code = Errc::usage, .doing = "nothing is left to send"};
    if (!walked_.skipped.empty()) error.hint = walked_.skipped.front().path + " is " + walked_.skipped.front().why;
    return Unexpected{std::move(error)};
  }

  static Result<Named> named_by(const std::filesystem::path& given) {
    auto without_slash = given;
    while (!without_slash.has_filename() && without_slash.has_relative_path()) without_slash = without_slash.parent_path();
    std::error_code failed;
    auto path = std::filesystem::absolute(without_slash, failed);
    auto name = text_of(path.filename());
    if (!failed && (name.empty() || name == "." || name == "..")) {  // "send ." sends the directory by its real name
      path = std::filesystem::canonical(path, failed);
      name = text_of(path.filename());
    }
    if (given.empty()) failed = std::make_error_code(std::errc::no_such_file_or_directory);
    if (failed) return Unexpected{source_trouble("reading " + text_of(given), failed)};
    if (name.empty())
      return Unexpected{{.code = Errc::usage, .doing = "the whole file system cannot be sent", .hint = "name a directory in it"}};
    return Named{std::move(path), std::move(name)};
  }

  Result<void> add_root(const std::filesystem::path& path) {
    const auto given = text_of(path);
    auto named = named_by(path);
    if (!named) return Unexpected{std::move(named).error()};
    if (is_excluded(settings_.excludes, named->name, named->name)) return {};
    const auto facts = facts_named(named->path);
    if (!facts) return Unexpected{source_trouble("reading " + given, facts.error().cause)};
    if (facts->kind != Kind::file && facts->kind != Kind::folder) {
      walked_.skipped.push_back({given, std::string{words_for(facts->kind)}});
      return {};
    }
    if (facts->kind == Kind::file)
      if (auto readable = check_readable(named->path); !readable) return Unexpected{source_trouble("reading " + given, readable.error().cause)};
    const auto name = names_to_send({named->name}).front();
    if (!top_level_.insert(name).second)
      return Unexpected{{.code = Errc::usage, .doing = "two of the things to send are called " + name,
                         .hint = "send them one after the other, or rename one"}};
    auto entry = described(*facts);
    entry.name = name;
    const auto index = walked_.manifest.add(entry);
    if (!index) return Unexpected{index.error()};
    if (name != named->name) walked_.local_names.emplace(*index, named->name);
    walked_.roots.push_back({*index, named->path});
    return entry.type == EntryType::directory ? walk_below(*index, named->path) : Result<void>{};
  }

  Result<void> walk_below(EntryIndex root, const std::filesystem::path& path) {
    const auto top = open_named(path, {.access = Access::list});
    if (!top) return Unexpected{source_trouble("reading the folder " + text_of(path), top.error().cause)};
    std::vector<Below> to_visit{{root, "", 1}};
    while (!to_visit.empty()) {
      const auto next = std::move(to_visit.back());
      to_visit.pop_back();
      const auto first_found = to_visit.size();
      if (auto listed = list(*top, next, to_visit); !listed) return listed;
      std::reverse(to_visit.begin() + static_cast<std::ptrdiff_t>(first_found), to_visit.end());
    }
    return {};
  }

  /// A directory that is in the manifest and whose contents are not yet.
  struct Below {
    EntryIndex directory;
    std::string path;   // below its root
    std::size_t depth;  // of what lies in it
  };

  Result<void> list(const Handle& top, const Below& here, std::vector<Below>& to_visit) {
    const auto handle = open_beneath(top, here.path, {.access = Access::list});
    if (!handle) return Unexpected{source_trouble("reading the folder " + shown(here.directory), handle.error().cause)};
    const auto names = names_in(*handle);
    if (!names) return Unexpected{source_trouble("reading the folder " + shown(here.directory), names.error().cause)};
    const auto travelling = names_to_send(*names);
    for (std::size_t at = 0; at < names->size(); ++at) {
      const auto& name = (*names)[at];
      auto path = here.path.empty() ? name : here.path + "/" + name;
      if (is_excluded(settings_.excludes, name, path)) continue;
      const auto added = add_child(*handle, here, name, travelling[at]);
      if (!added) return Unexpected{added.error()};
      if (*added && walked_.manifest.entry(**added).type == EntryType::directory)
        to_visit.push_back({**added, std::move(path), here.depth + 1});
    }
    return {};
  }

  /// Gives nothing if it does not travel.
  Result<std::optional<EntryIndex>> add_child(const Handle& directory, const Below& here, const std::string& name, const std::string& travelling) {
    using Added = Result<std::optional<EntryIndex>>;
    const auto skip = [&](std::string why) {
      walked_.skipped.push_back({shown(here.directory) + "/" + name, std::move(why)});
      return Added{std::nullopt};
    };
    const auto failed = [&](std::error_code cause) { return Unexpected{source_trouble("reading " + shown(here.directory) + "/" + name, cause)}; };
    const auto facts = facts_at(directory, name);
    if (!facts) {
      if (facts.error().cause == std::errc::no_such_file_or_directory) return Added{std::nullopt};  // deleted since it was listed
      return failed(facts.error().cause);
    }
    if (facts->kind != Kind::file && facts->kind != Kind::folder && facts->kind != Kind::link) return skip(std::string{words_for(facts->kind)});
    auto entry = described(*facts);
    entry.name = travelling;
    entry.parent = here.directory;
    std::string target;
    if (entry.type == EntryType::symlink) {
      const auto leads_to = link_target(directory, name);
      if (!leads_to) return skip("a link that cannot be read");
      if (!*leads_to) return skip("a link that leads outside");
      target = target_to_send(**leads_to);
      entry.target = target;
      if (!check_link_target(entry.target, here.depth)) return skip("a link that leads outside");
    }
    if (entry.type == EntryType::file)
      if (auto readable = check_readable(directory, name); !readable) return failed(readable.error().cause);
    const auto index = walked_.manifest.add(entry);
    if (!index) return Unexpected{index.error()};
    if (travelling != name) walked_.local_names.emplace(*index, name);
    return std::optional{*index};
  }

  std::string shown(EntryIndex index) const { return walked_.manifest.path(index); }

  const FileSource::Settings& settings_;
  Walked walked_;
  std::set<std::string> top_level_;
};

}  // namespace

Result<Walked> walk_tree(const FileSource::Settings& settings) {
  if (settings.chunk_size != 0 && (settings.chunk_size < min_chunk_size || settings.chunk_size > max_chunk_size))
    return Unexpected{{.code = Errc::usage, .doing = "chunks of " + std::to_string(settings.chunk_size) + " bytes",
                       .hint = "--chunk takes 64 KiB to 4 MiB"}};
  return Walk{settings}.run();
}

}  // namespace pshare
