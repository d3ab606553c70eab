#include "apps/pshare/home.hpp"

#include "apps/config_file/config_edit.hpp"
#include "apps/process/environment.hpp"
#include "apps/process/folders.hpp"
#include "secure/owned_file.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

namespace fs = std::filesystem;

Unexpected local(std::string doing, std::error_code cause, std::string hint = {}) {
  return Unexpected{{.code = Errc::local_io, .doing = std::move(doing), .cause = cause, .hint = std::move(hint)}};
}

constexpr const char* settings_file = "pshare.toml";

/// Errors: local_io.
Result<std::optional<std::string>> read_settings(const fs::path& file) {
  auto read = read_owned_file(file, max_config_text);
  if (!read) {
    auto error = std::move(read).error();
    if (error.code == Errc::local_io) error.hint = "Is it a file, and may this user read it?";
    error.code = Errc::local_io;  // also of one that is too long
    return Unexpected{std::move(error)};
  }
  return *read ? std::optional{std::move((*read)->text)} : std::nullopt;
}

/// Where a link leads in the end, also where nothing is there yet: into a folder of such files under version control, for instance. Errors: local_io.
Result<fs::path> link_target(fs::path file) {
  constexpr int most_links = 8;
  std::error_code trouble;
  for (int links = 0; fs::is_symlink(fs::symlink_status(file, trouble)); ++links) {
    if (links == most_links) return local(text_of(file) + " is a link to a link, and so on", {});
    const auto next = fs::read_symlink(file, trouble);
    if (trouble) return local("reading the link " + text_of(file), trouble);
    file = file.parent_path() / next;
  }
  return file;
}

/// What ~ means in it.
std::optional<std::string> users_home() {
  const auto folder = user_folder();
  return folder ? std::optional{text_of(*folder)} : std::nullopt;
}

/// What the user chose; otherwise what the system has for it.
std::optional<fs::path> chosen_folder(const CommonOptions& options) {
  if (options.home) return options.home;
  if (const auto given = environment("PSHARE_HOME")) return path_from(*given);
  if (const auto of_programs = configuration_folder()) return *of_programs / "pshare";
  return std::nullopt;
}

}  // namespace

Result<Home> Home::open(const CommonOptions& options) {
  const auto folder = place(options);
  if (!folder) return Unexpected{folder.error()};
  if (const auto made = make_owned_folder(*folder); !made) return local(made.error().doing, made.error().cause, "Choose another one with --home DIR or PSHARE_HOME.");
  return Home{*folder};
}

Result<fs::path> Home::place(const CommonOptions& options) {
  if (auto folder = chosen_folder(options)) return *std::move(folder);
  return Unexpected{{.code = Errc::usage,
                     .doing = "there is no home folder: HOME is not set",
                     .hint = "Say where pshare may keep its files with --home DIR or PSHARE_HOME."}};
}

Result<std::optional<PshareTomlText>> Home::pshare_toml(const CommonOptions& options) {
  const auto folder = place(options);
  if (!folder) return Unexpected{folder.error()};
  const auto file = *folder / settings_file;
  auto text = read_settings(file);
  if (!text) return Unexpected{std::move(text).error()};
  if (!*text) return std::optional<PshareTomlText>{};
  return std::optional{PshareTomlText{.name = text_of(file), .text = *std::move(*text), .user_home = users_home()}};
}

std::optional<Home> Home::existing(const CommonOptions& options) {
  const auto folder = chosen_folder(options);
  std::error_code trouble;
  if (!folder || !fs::is_directory(*folder, trouble)) return std::nullopt;
  return Home{*folder};
}

Result<Identity> Home::identity() const {
  auto identity = Identity::load_or_create(folder_ / "identity.key");
  if (identity) return identity;
  auto error = std::move(identity).error();
  error.code = Errc::local_io;  // whatever is wrong with it, it is a file of ours that has to be mended
  return Unexpected{std::move(error)};
}
Result<PinFile> Home::contacts() const { return PinFile::open(folder_ / "contacts"); }
Result<PinFile> Home::servers() const { return PinFile::open(folder_ / "servers"); }

Result<void> Home::keep(const Settings& settings) const {
  const auto file = folder_ / settings_file;
  const auto lock = OwnedFileLock::on(file);
  if (!lock) return Unexpected{lock.error()};
  auto before = read_settings(file);
  if (!before) return Unexpected{std::move(before).error()};
  auto text = before->value_or("");
  for (const auto& [key, value] : {std::pair{"server", settings.server}, std::pair{"name", settings.name}}) {  // each to the top, where it is new: so the name is above
    if (!value) continue;
    auto changed = with_line(text, key, *value);
    if (!changed) return Unexpected{{.code = Errc::usage, .doing = "writing " + text_of(file) + ": " + changed.error().doing, .hint = changed.error().hint}};
    text = *std::move(changed);
  }
  if (text == *before) return {};
  const auto target = link_target(file);  // a link stays one
  if (!target) return Unexpected{target.error()};
  return write_owned_file(*target, text, IfPresent::replace);
}

Result<AcceptRules> Home::rules() const {
  const auto file = folder_ / "accept.toml";
  const auto text = read_owned_file(file, AcceptRules::max_file);
  if (!text) return Unexpected{{.code = Errc::local_io, .doing = text.error().doing, .cause = text.error().cause}};
  if (!*text) return AcceptRules{};
  auto rules = AcceptRules::parse((*text)->text);
  if (rules) return rules;
  return Unexpected{{.code = Errc::usage,
                     .doing = "reading the rules for what is accepted: " + text_of(file) + ", " + rules.error().doing,
                     .hint = rules.error().hint + " Correct the file, or remove it and lay the rules down again (`pshare contacts rule`). Until then nothing is accepted or changed."}};
}

Result<void> Home::change_rules(const std::function<Result<void>(AcceptRules&)>& change) const {
  const auto file = folder_ / "accept.toml";
  const auto lock = OwnedFileLock::on(file);
  if (!lock) return Unexpected{lock.error()};
  auto rules = this->rules();
  if (!rules) return Unexpected{std::move(rules).error()};
  const auto before = *rules;
  if (auto changed = change(*rules); !changed) {
    auto error = std::move(changed).error();
    if (error.code == Errc::malformed) error.code = Errc::usage;  // what was to be laid down, not the file
    return Unexpected{std::move(error)};
  }
  if (*rules == before) return {};
  const auto text = rules->text();
  if (!text) return Unexpected{{.code = Errc::usage, .doing = text.error().doing, .hint = text.error().hint}};
  return write_owned_file(file, *text, IfPresent::replace);
}

Result<MonthlyVolume> Home::volume() const {
  const auto file = folder_ / "supernode-volume";
  const auto text = read_owned_file(file, MonthlyVolume::max_file);
  if (!text) return Unexpected{{.code = Errc::local_io, .doing = text.error().doing, .cause = text.error().cause}};
  if (!*text) return MonthlyVolume{};
  auto volume = MonthlyVolume::decode((*text)->text);
  if (volume) return volume;
  return local(text_of(file) + ": " + volume.error().doing, {}, "Remove the file to count this month from the beginning.");
}

Result<MonthlyVolume> Home::add_to_volume(std::uint64_t bytes, UnixTime now) const {
  const auto file = folder_ / "supernode-volume";
  const auto lock = OwnedFileLock::on(file);
  if (!lock) return Unexpected{lock.error()};
  auto volume = this->volume();
  if (!volume || bytes == 0) return volume;
  volume->add(bytes, now);
  if (const auto written = write_owned_file(file, volume->encode(), IfPresent::replace); !written) return Unexpected{written.error()};
  return volume;
}

PairMemory Home::pair_memory(Random& random) const {
  if (const auto file = read_owned_file(folder_ / "pairs", PairMemory::max_file); file && *file)
    if (auto memory = PairMemory::decode(bytes_of((*file)->text))) return *std::move(memory);
  return PairMemory::fresh(random);
}

Result<void> Home::remember(const NetworkPair& pair, const Remembered& what, Random& random) const {
  const auto file = folder_ / "pairs";
  const auto lock = OwnedFileLock::on(file);
  if (!lock) return Unexpected{lock.error()};
  auto memory = pair_memory(random);
  memory.remember(pair, what);
  return write_owned_file(file, text_of(memory.encode()), IfPresent::replace);
}

}  // namespace pshare
