#include "transfer/io/disk_trouble.hpp"

#include <cerrno>

namespace pshare {

namespace {

// What to do about it, in the words of the system.
#ifdef _WIN32
constexpr auto read_access = "give yourself permission to read it (Properties, Security)", check_disk = "check the disk (chkdsk)",
               size_limits = "this file system allows", more_files = "end programs that have many files open";
#else
constexpr auto read_access = "give yourself permission to read it (chmod u+r)", check_disk = "check the disk (dmesg)",
               size_limits = "this file system or your limits (ulimit -f) allow", more_files = "raise the limit (ulimit -n)";
#endif

constexpr auto in_use = "another program has it open: close it there";

}  // namespace

Error disk_trouble(std::string doing, std::error_code cause) {
  const std::string kept = "everything received so far is kept: ", go_on = ", then run the same command again";
  Error error{.code = Errc::local_io, .doing = std::move(doing), .cause = cause};
  switch (cause.default_error_condition().value()) {
    case ENOSPC: error.hint = "the disk is full; " + kept + "make room" + go_on; break;
#ifdef EDQUOT
    case EDQUOT: error.hint = "your disk quota is used up; " + kept + "delete something or ask for more" + go_on; break;
#endif
    case EROFS: error.hint = "the file system is read-only: choose another folder with --dir, or have it mounted writable"; break;
    case EACCES:
    case EPERM: error.hint = "you may not write there: choose another folder with --dir, or change its permissions"; break;
    case EBUSY: error.hint = std::string{in_use} + "; " + kept + "run the same command again"; break;
    case EFBIG: error.hint = std::string{"the file would be larger than "} + size_limits + "; " + kept + "choose another folder with --dir"; break;
    case EIO: error.hint = "the disk reports a fault; " + kept + check_disk + go_on; break;
    case EMFILE:
    case ENFILE: error.hint = "too many files are open; " + kept + more_files + go_on; break;
    default: error.hint = kept + "run the same command again to go on"; break;
  }
  return error;
}

Error source_trouble(std::string doing, std::error_code cause) {
  Error error{.code = Errc::local_io, .doing = std::move(doing), .cause = cause};
  switch (cause.default_error_condition().value()) {
    case ENOENT: error.hint = "check the name"; break;
    case EACCES:
    case EPERM: error.hint = std::string{read_access} + ", or leave it out with --exclude"; break;
    case EBUSY: error.hint = std::string{in_use} + ", or leave it out with --exclude"; break;
    case EIO: error.hint = std::string{"the disk reports a fault: "} + check_disk + ", or leave the file out with --exclude"; break;
    case EMFILE:
    case ENFILE: error.hint = std::string{"too many files are open: "} + more_files; break;
    default: break;
  }
  return error;
}

}  // namespace pshare
