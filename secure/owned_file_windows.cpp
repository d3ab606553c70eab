// Whose a file is stands in its access control list. What is written here has one of its own, which takes nothing over from the folder it is in (a
// protected DACL): this user, the system and its administrators, who could take what they want anyway.
#include <windows.h>
// After it:
#include <aclapi.h>
#include <sddl.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "secure/owned_file.hpp"
#include "secure/random_source.hpp"
#include "wire/ids.hpp"
#include "wire/native_path.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

namespace {

namespace fs = std::filesystem;

constexpr std::intptr_t none = -1;  // INVALID_HANDLE_VALUE

/// Others may read, write, rename and remove a file while we look at it, as everywhere else.
constexpr DWORD shared_with_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// A file that somebody has open cannot be replaced, and those who look into every new file (against viruses, for a search) have it open for a moment.
constexpr int replace_tries = 100;
constexpr DWORD replace_pause_ms = 10;

class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }
  HANDLE get() const { return handle_; }
  bool valid() const { return handle_ != INVALID_HANDLE_VALUE; }
  void close() {
    if (valid()) CloseHandle(handle_);
    handle_ = INVALID_HANDLE_VALUE;
  }

 private:
  HANDLE handle_;
};

struct LocalGone {
  void operator()(void* memory) const { LocalFree(memory); }
};

Unexpected failed_with(DWORD why, const char* doing, const fs::path& file) {
  return Unexpected{{.code = Errc::local_io,
                     .doing = std::string{doing} + " " + text_of(file),
                     .cause = {static_cast<int>(why), std::system_category()},
                     .hint = "Does this folder belong to you, and has its disk room? Another one can be chosen with --home DIR."}};
}

/// What the system said about the call that has just failed.
Unexpected failed(const char* doing, const fs::path& file) { return failed_with(GetLastError(), doing, file); }

/// Whom this process runs as. Aligned for the SID in it; empty if the system does not say.
std::vector<std::max_align_t> this_user() {
  HANDLE opened = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &opened)) return {};
  const Handle token{opened};
  DWORD size = 0;
  GetTokenInformation(token.get(), TokenUser, nullptr, 0, &size);
  std::vector<std::max_align_t> memory(size / sizeof(std::max_align_t) + 1);
  if (!GetTokenInformation(token.get(), TokenUser, memory.data(), size, &size)) return {};
  return memory;
}

PSID sid_in(std::vector<std::max_align_t>& user) { return user.empty() ? nullptr : reinterpret_cast<TOKEN_USER*>(user.data())->User.Sid; }

enum class Inherited { no, by_what_is_inside };

/// What a new file or folder is to have from its first moment; invalid if the system does not tell who we are.
class ForOwnerAlone {
 public:
  explicit ForOwnerAlone(Inherited inherited) {
    auto user = this_user();
    wchar_t* text = nullptr;
    if (user.empty() || !ConvertSidToStringSidW(sid_in(user), &text)) return;
    const std::unique_ptr<wchar_t, LocalGone> owner{text};
    const std::wstring allowed = inherited == Inherited::no ? L"(A;;FA;;;" : L"(A;OICI;FA;;;";  // FA: everything; OICI: files and folders inside as well
    const auto list = L"D:P" + allowed + L"SY)" + allowed + L"BA)" + allowed + owner.get() + L")";
    void* made = nullptr;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(list.c_str(), SDDL_REVISION_1, &made, nullptr)) return;
    descriptor_.reset(made);
    attributes_.lpSecurityDescriptor = made;
  }
  bool valid() const { return descriptor_ != nullptr; }
  SECURITY_ATTRIBUTES* get() { return &attributes_; }

 private:
  std::unique_ptr<void, LocalGone> descriptor_;
  SECURITY_ATTRIBUTES attributes_{sizeof(SECURITY_ATTRIBUTES), nullptr, FALSE};
};

/// The access control entry's SID, if what the entry says is that somebody may read.
PSID allowed_to_read(void* entry) {
  constexpr DWORD reading = FILE_READ_DATA | GENERIC_READ | GENERIC_ALL;
  const auto type = static_cast<ACE_HEADER*>(entry)->AceType;
  if (static_cast<ACE_HEADER*>(entry)->AceFlags & INHERIT_ONLY_ACE) return nullptr;
  // The kinds that programs set for conditions and single properties have the same beginning, up to the SID of the plain kind.
  if (type != ACCESS_ALLOWED_ACE_TYPE && type != ACCESS_ALLOWED_CALLBACK_ACE_TYPE) return nullptr;
  auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
  return (allowed->Mask & reading) != 0 ? static_cast<PSID>(&allowed->SidStart) : nullptr;
}

/// Denials are not looked at: whoever is allowed and denied counts as somebody who may.
Result<bool> lets_others_read(HANDLE opened, const fs::path& file) {
  PSID owner = nullptr;
  ACL* list = nullptr;
  void* raw_descriptor = nullptr;
  const auto trouble = GetSecurityInfo(opened, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, nullptr, &list, nullptr, &raw_descriptor);
  if (trouble != ERROR_SUCCESS) return failed_with(trouble, "looking who may read", file);
  const std::unique_ptr<void, LocalGone> descriptor{raw_descriptor};
  if (list == nullptr) return true;  // no list at all: everybody
  auto user = this_user();
  const auto is_one_of_us = [&](PSID who) {
    if (IsWellKnownSid(who, WinLocalSystemSid) || IsWellKnownSid(who, WinBuiltinAdministratorsSid) || IsWellKnownSid(who, WinCreatorOwnerRightsSid)) return true;
    return (owner != nullptr && EqualSid(who, owner)) || (!user.empty() && EqualSid(who, sid_in(user)));
  };
  for (DWORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (!GetAce(list, i, &entry)) return failed("looking who may read", file);
    if (auto* const who = allowed_to_read(entry); who != nullptr && !is_one_of_us(who)) return true;
  }
  return false;
}

bool write_all(HANDLE file, std::string_view text) {
  while (!text.empty()) {
    DWORD written = 0;
    const auto piece = static_cast<DWORD>(std::min<std::size_t>(text.size(), 1 << 20));
    if (!WriteFile(file, text.data(), piece, &written, nullptr)) return false;
    text.remove_prefix(written);
  }
  return true;
}

/// A name that nobody else has: what a killed process left behind must be in nobody's way.
fs::path fresh_name_beside(const fs::path& file) {
  std::array<std::byte, 6> number;
  SecureRandom{}.fill(number);
  auto fresh = file;
  fresh += "." + hex(number);
  return fresh;
}

/// Whether the name is now the file's, and on the disk; if not, GetLastError() says why.
bool rename(const fs::path& from, const fs::path& to, IfPresent if_present) {
  const DWORD how = MOVEFILE_WRITE_THROUGH | (if_present == IfPresent::replace ? MOVEFILE_REPLACE_EXISTING : 0u);
  for (int tried = 1;; ++tried) {
    if (MoveFileExW(from.c_str(), to.c_str(), how)) return true;
    const auto why = GetLastError();
    if ((why != ERROR_ACCESS_DENIED && why != ERROR_SHARING_VIOLATION) || tried == replace_tries) return false;
    Sleep(replace_pause_ms);
    SetLastError(why);
  }
}

}  // namespace

Result<std::optional<OwnedFile>> read_owned_file(const fs::path& file, std::size_t max_size) {
  const Handle in{CreateFileW(file.c_str(), GENERIC_READ | READ_CONTROL, shared_with_all, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr)};
  if (!in.valid() && (GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND)) return std::optional<OwnedFile>{};
  if (!in.valid()) return failed("reading", file);
  const auto others = lets_others_read(in.get(), file);
  if (!others) return Unexpected{others.error()};

  OwnedFile whole{.text = std::string(max_size + 1, '\0'), .others_may_read = *others};
  std::size_t length = 0;
  while (length < whole.text.size()) {
    DWORD count = 0;
    const auto piece = static_cast<DWORD>(std::min<std::size_t>(whole.text.size() - length, 1 << 20));
    if (!ReadFile(in.get(), whole.text.data() + length, piece, &count, nullptr)) return failed("reading", file);
    if (count == 0) break;
    length += count;
  }
  if (length > max_size)
    return Unexpected{{.code = Errc::limit,
                       .doing = "reading " + text_of(file) + ": it is longer than " + std::to_string(max_size) + " bytes",
                       .hint = "It cannot be a file that pshare wrote. Put the right one back, or move it away."}};
  whole.text.resize(length);
  return std::optional{std::move(whole)};
}

Result<void> write_owned_file(const fs::path& file, std::string_view text, IfPresent if_present) {
  ForOwnerAlone rights{Inherited::no};
  if (!rights.valid()) return failed("writing", file);
  const auto fresh = fresh_name_beside(file);
  Handle out{CreateFileW(fresh.c_str(), GENERIC_WRITE, 0, rights.get(), CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr)};
  if (!out.valid()) return failed("writing", file);
  bool done = write_all(out.get(), text) && FlushFileBuffers(out.get());
  auto why = GetLastError();
  out.close();
  bool renamed = false;
  if (done) {
    renamed = rename(fresh, file, if_present);
    if (!renamed) why = GetLastError();
    done = renamed || (if_present == IfPresent::keep && (why == ERROR_ALREADY_EXISTS || why == ERROR_FILE_EXISTS));
  }
  if (!renamed) DeleteFileW(fresh.c_str());
  if (!done) return failed_with(why, "writing", file);
  return {};
}

Result<void> make_owned_folder(const fs::path& folder) {
  std::error_code trouble;
  if (fs::is_directory(folder, trouble)) return {};
  if (folder.has_parent_path() && folder.parent_path() != folder) fs::create_directories(folder.parent_path(), trouble);
  ForOwnerAlone rights{Inherited::by_what_is_inside};
  if (!rights.valid()) return failed("making the folder", folder);
  if (!CreateDirectoryW(folder.c_str(), rights.get()) && !fs::is_directory(folder, trouble)) return failed("making the folder", folder);
  return {};
}

std::string way_to_keep_from_others(const fs::path& file) {
  return "Take everybody but yourself off the permissions of " + text_of(file) + " (its Properties, Security)";
}

Result<OwnedFileLock> OwnedFileLock::on(const fs::path& file) {
  auto beside = file;
  beside += ".lock";
  ForOwnerAlone rights{Inherited::no};
  if (!rights.valid()) return failed("locking", beside);
  const auto opened = CreateFileW(beside.c_str(), GENERIC_READ | GENERIC_WRITE, shared_with_all, rights.get(), OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (opened == INVALID_HANDLE_VALUE) return failed("locking", beside);
  OwnedFileLock lock{reinterpret_cast<std::intptr_t>(opened)};
  OVERLAPPED first_byte{};
  if (!LockFileEx(opened, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &first_byte)) return failed("locking", beside);
  return lock;
}

OwnedFileLock::OwnedFileLock(OwnedFileLock&& other) noexcept : handle_(std::exchange(other.handle_, none)) {}

OwnedFileLock::~OwnedFileLock() {
  if (handle_ != none) CloseHandle(reinterpret_cast<HANDLE>(handle_));
}

}  // namespace pshare
