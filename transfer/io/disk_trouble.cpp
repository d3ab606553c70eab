#include "transfer/io/disk_trouble.hpp"

#include <array>
#include <cerrno>
#include <cstdio>

namespace pshare {

Error disk_trouble(std::string doing, std::error_code cause) {
  constexpr auto kept = "everything received so far is kept: ";
  Error error{.code = Errc::local_io, .doing = std::move(doing), .cause = cause};
  switch (cause.default_error_condition().value()) {
    case ENOSPC: error.hint = std::string{"the disk is full; "} + kept + "make room, then run the same command again"; break;
    case EDQUOT:
      error.hint = std::string{"your disk quota is used up; "} + kept + "delete something or ask for more, then run the same command again";
      break;
    case EROFS: error.hint = "the file system is read-only: choose another folder with --dir, or have it mounted writable"; break;
    case EACCES:
    case EPERM: error.hint = "you may not write there: choose another folder with --dir, or change its permissions"; break;
    case EFBIG: error.hint = std::string{"the file would be larger than this file system or your limits (ulimit -f) allow; "} + kept +
                             "choose another folder with --dir"; break;
    case EIO: error.hint = std::string{"the disk reports a fault; "} + kept + "check the disk (dmesg), then run the same command again"; break;
    case EMFILE:
    case ENFILE: error.hint = std::string{"too many files are open; "} + kept + "raise the limit (ulimit -n), then run the same command again"; break;
    default: error.hint = std::string{kept} + "run the same command again to go on"; break;
  }
  return error;
}

Error source_trouble(std::string doing, std::error_code cause) {
  Error error{.code = Errc::local_io, .doing = std::move(doing), .cause = cause};
  switch (cause.default_error_condition().value()) {
    case ENOENT: error.hint = "check the name"; break;
    case EACCES:
    case EPERM: error.hint = "give yourself permission to read it (chmod u+r), or leave it out with --exclude"; break;
    case EIO: error.hint = "the disk reports a fault: check it (dmesg), or leave the file out with --exclude"; break;
    case EMFILE:
    case ENFILE: error.hint = "too many files are open: raise the limit (ulimit -n)"; break;
    default: break;
  }
  return error;
}

}  // namespace pshare
