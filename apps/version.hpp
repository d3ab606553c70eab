// What the programs say when they are asked for their version. What it knows of this build is written by cmake/Version.cmake.
#pragma once

#include <string>
#include <string_view>

namespace pshare {

/// Of the tree this was built from, as packaging/version.sh tells it: "0.1.0", "0.1.0~git547.abcdef0".
std::string_view version();

struct BuiltWith {
  std::string_view compiler, kind, platform;
  std::string_view libraries_of_pshare, libraries_of_server;  // a line each, with its version
};
BuiltWith built_with();

/// "pshare 0.1.0", then the protocols that it speaks and what it was built with.
std::string version_of_pshare();
std::string version_of_server();

}  // namespace pshare
