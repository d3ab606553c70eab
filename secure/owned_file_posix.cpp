#include "secure/owned_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "wire/native_path.hpp"

namespace pshare {

namespace {

constexpr int none = -1;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ != none) ::close(number_);
  }
  int number() const { return number_; }
  bool valid() const { return number_ != none; }

 private:
  int number_;
};

/// What the system said about the call that has just failed.
Unexpected failed(const char* doing, const std::filesystem::path& file) {
  return Unexpected{{.code = Errc::local_io,
                     .doing = std::string{doing} + " " + text_of(file),
                     .cause = {errno, std::system_category()},
                     .hint = "Does this folder belong to you, and has its disk room? Another one can be chosen with --home DIR."}};
}

/// Whether all was written; if not, errno says why.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// Makes a new name durable. Some file systems cannot do this for folders: there the name is as durable as they make it.
void sync_folder_of(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
  const Descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (opened.valid()) ::fsync(opened.number());
}

}  // namespace

Result<std::optional<OwnedFile>> read_owned_file(const std::filesystem::path& file, std::size_t max_size) {
  const Descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!in.valid() && errno == ENOENT) return std::optional<OwnedFile>{};
  struct stat facts{};
  if (!in.valid() || ::fstat(in.number(), &facts) != 0) return failed("reading", file);

  OwnedFile whole{.text = std::string(max_size + 1, '\0'), .others_may_read = (facts.st_mode & 077) != 0};
  std::size_t length = 0;
  while (length < whole.text.size()) {
    const auto count = ::read(in.number(), whole.text.data() + length, whole.text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("reading", file);
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  if (length > max_size)
    return Unexpected{{.code = Errc::limit,
                       .doing = "reading " + text_of(file) + ": it is longer than " + std::to_string(max_size) + " bytes",
                       .hint = "It cannot be a file that pshare wrote. Put the right one back, or move it away."}};
  whole.text.resize(length);
  return std::optional{std::move(whole)};
}

Result<void> write_owned_file(const std::filesystem::path& file, std::string_view text, IfPresent if_present) {
  // A name that nobody else has: what a killed process left behind must be in nobody's way. mkostemp(3) makes it with mode 0600.
  std::string fresh = text_of(file) + ".XXXXXX";
  const Descriptor out{::mkostemp(fresh.data(), O_CLOEXEC)};
  if (!out.valid()) return failed("writing", file);
  bool done = write_all(out.number(), text) && ::fsync(out.number()) == 0;
  if (done && if_present == IfPresent::replace) done = ::rename(fresh.c_str(), file.c_str()) == 0;
  if (done && if_present == IfPresent::keep) done = ::link(fresh.c_str(), file.c_str()) == 0 || errno == EEXIST;
  const int why = errno;
  if (!done || if_present == IfPresent::keep) ::unlink(fresh.c_str());
  errno = why;
  if (!done) return failed("writing", file);
  sync_folder_of(file);
  return {};
}

Result<void> make_owned_folder(const std::filesystem::path& folder) {
  std::error_code trouble;
  const bool fresh = std::filesystem::create_directories(folder, trouble);
  if (!trouble && fresh) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, trouble);
  if (trouble) return Unexpected{{.code = Errc::local_io, .doing = "making the folder " + text_of(folder), .cause = trouble}};
  return {};
}

std::string way_to_keep_from_others(const std::filesystem::path& file) { return "Run `chmod 600 " + text_of(file) + "`"; }

Result<OwnedFileLock> OwnedFileLock::on(const std::filesystem::path& file) {
  auto beside = file;
  beside += ".lock";
  const int descriptor = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor == none) return failed("locking", beside);
  OwnedFileLock lock{descriptor};
  while (::flock(descriptor, LOCK_EX) != 0)
    if (errno != EINTR) return failed("locking", beside);
  return lock;
}

OwnedFileLock::OwnedFileLock(OwnedFileLock&& other) noexcept : handle_(std::exchange(other.handle_, none)) {}

OwnedFileLock::~OwnedFileLock() {
  if (handle_ != none) ::close(static_cast<int>(handle_));
}

}  // namespace pshare
