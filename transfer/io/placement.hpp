// The last step of receiving: a complete tree moves from its partial folder to its final names. Every step can be the last before a
// kill, and the whole is run again until it has gone through:
//
//   names decided once, written down | "finishing" in the journal | top-level entries renamed, one by one | modes and times of
//   directories | all of it on disk | "finished" in the journal
//
// A rename never overwrites unless that was asked for; who comes first to a name keeps it, and ours gets the next number.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/disk/folder.hpp"
#include "transfer/io/data_tree.hpp"
#include "transfer/io/journal_file.hpp"
#include "transfer/io/partial_folder.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

enum class OnConflict { rename, overwrite, skip };

class Placement {
 public:
  /// Told before each step, by name; tests end the process there.
  using Watcher = std::function<void(std::string_view step)>;

  /// All of these live longer.
  Placement(const Handle& destination, const DataTree& data, PartialFolder& folder, JournalFile& journal, const Manifest& manifest,
           OnConflict on_conflict, const Watcher& watcher);

  /// Decides the names, or takes those that were decided before (`resumed`). Gives the final ones, without what was dropped.
  enum class Begin { anew, resumed };
  Result<std::vector<std::string>> run(Begin begin);

  /// What the user should know: names that were changed, things that were dropped.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  Result<void> decide();
  std::string free_name(std::string_view wanted, unsigned& number) const;
  bool is_taken(const std::string& name) const;

  Result<void> move_fresh(EntryIndex entry, FinalName& final);
  Result<void> move_replacing();
  Result<void> replace_one(EntryIndex entry, const Place& from, const Place& to);
  Result<void> set_up_directories() const;

  std::string final_path(EntryIndex entry) const;
  EntryIndex top_of(EntryIndex entry) const;
  const FinalName& name_of(EntryIndex top) const;
  Unexpected trouble(EntryIndex entry, std::error_code cause) const;

  const Handle& destination_;
  const Handle& data_;
  const LocalNames& local_names_;
  PartialFolder& folder_;
  JournalFile& journal_;
  const Manifest& manifest_;
  const OnConflict on_conflict_;
  const Watcher& watcher_;
  std::vector<EntryIndex> tops_;   // the top-level entries, in order
  std::vector<FinalName> names_;   // theirs
  std::vector<std::string> remarks_;
};

}  // namespace pshare
