// The folder in which pshare keeps what is ours: identity, contacts and the rules about them, pinned servers, settings, what worked between networks.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "apps/pshare/accept_rules.hpp"
#include "apps/pshare/monthly_volume.hpp"
#include "apps/pshare/options.hpp"
#include "secure/contacts.hpp"
#include "secure/identity.hpp"
#include "secure/receipt_book.hpp"
#include "traversal/pair_memory.hpp"
#include "wire/result.hpp"

namespace pshare {

class Home {
 public:
  /// --home, else PSHARE_HOME, else the platform's configuration folder ($XDG_CONFIG_HOME/pshare, ~/.config/pshare; on Windows %APPDATA%\pshare).
  /// Made (mode 0700) when it is not there. Errors: local_io; usage when there is no way to know where it is.
  static Result<Home> open(const CommonOptions& options);
  /// The same, but nothing is made: nothing where there is no such folder.
  static std::optional<Home> existing(const CommonOptions& options);

  /// Where it is or would be. Errors: usage, as above.
  static Result<std::filesystem::path> place(const CommonOptions& options);
  /// The text of the pshare.toml there; nothing where there is none. Errors: as above; local_io.
  static Result<std::optional<PshareTomlText>> pshare_toml(const CommonOptions& options);

  const std::filesystem::path& folder() const { return folder_; }

  Result<Identity> identity() const;
  Result<PinFile> contacts() const;
  /// What others have signed that they received from us.
  ReceiptBook receipts() const { return ReceiptBook{folder_ / "receipts"}; }
  /// Servers by "host:port".
  Result<PinFile> servers() const;
  /// Writes these two into pshare.toml, where they stand or else near its top, and leaves everything else there as it is; what is not given stays.
  /// Errors: local_io; usage, for a file that is no TOML.
  Result<void> keep(const Settings& settings) const;

  /// accept.toml: what is accepted from whom. Errors: usage, with the line, for what is no such rule; local_io.
  Result<AcceptRules> rules() const;
  /// Changes what stands in the file now: others may have written meanwhile. An error of `change` leaves it as it is. Errors: as above.
  Result<void> change_rules(const std::function<Result<void>(AcceptRules&)>& change) const;

  /// What supernodes of this home have carried. Errors: local_io, also for a file that is no such thing.
  Result<MonthlyVolume> volume() const;
  /// Adds to what stands in the file now, and gives the sum: others may have written meanwhile. Errors: as above.
  Result<MonthlyVolume> add_to_volume(std::uint64_t bytes, UnixTime now) const;

  /// What worked between networks. A file that is not there, cannot be read, or is torn or forged is an empty memory, never an error.
  PairMemory pair_memory(Random& random) const;
  /// Adds to what stands in the file now: others may have written meanwhile. Errors: local_io, of which no transfer need take notice.
  Result<void> remember(const NetworkPair& pair, const Remembered& what, Random& random) const;

 private:
  explicit Home(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace pshare
