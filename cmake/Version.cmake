# What the programs say about themselves (apps/version.hpp): the version of the tree, and what they were built with.
#
# Git's word changes with every commit, so one small source has it, which is written again only when it changed: of a new commit alone, no more than
# that source is compiled, and what links it linked. Whoever builds packages may say the version.
set(PSHARE_VERSION "" CACHE STRING "The version that --version prints; empty: what packaging/version.sh finds out")

set(version_source ${CMAKE_BINARY_DIR}/version/this_version.cpp)
set(write_version ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR} -D OUTPUT=${version_source} -D VERSION=${PSHARE_VERSION} -D PROJECT_VERSION=${PROJECT_VERSION}
  -P ${CMAKE_SOURCE_DIR}/cmake/WriteVersion.cmake)
execute_process(COMMAND ${write_version} COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(pshare_this_version COMMAND ${write_version} BYPRODUCTS ${version_source} VERBATIM)

# Libraries with a name and a version, one on each line of what a program was built with. Libraries that this build does without have no version.
function(pshare_list_libraries out)
  set(lines "")
  foreach(library IN LISTS ARGN)
    string(REGEX MATCH "^(.*)=(.*)$" matched "${library}")
    if(CMAKE_MATCH_2)
      string(APPEND lines "  ${CMAKE_MATCH_1} ${CMAKE_MATCH_2}\n")
    endif()
  endforeach()
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()

file(STRINGS ${PSHARE_ASIO_INCLUDE}/asio/version.hpp asio_version REGEX "define ASIO_VERSION ")
string(REGEX REPLACE ".*// " "" asio_version "${asio_version}")

set(libraries_of_both "Asio=${asio_version}" "OpenSSL=${OPENSSL_VERSION}" "libsodium=${sodium_VERSION}" "nlohmann-json=${nlohmann_json_VERSION}" "spdlog=${spdlog_VERSION}"
  "CLI11=${CLI11_VERSION}" "toml++=${tomlplusplus_VERSION}")
pshare_list_libraries(PSHARE_LIBRARIES_OF_PSHARE ${libraries_of_both} "ngtcp2=${PSHARE_NGTCP2_DESCRIPTION}" "zstd=${zstd_VERSION}" "xxHash=${xxhash_VERSION}"
  "miniupnpc=${miniupnpc_VERSION}" "libqrencode=${qrencode_VERSION}")
pshare_list_libraries(PSHARE_LIBRARIES_OF_SERVER ${libraries_of_both} "SQLite=${SQLite3_VERSION}")

set(PSHARE_COMPILER "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
string(REPLACE "GNU" "GCC" PSHARE_COMPILER "${PSHARE_COMPILER}")
set(PSHARE_BUILD_KIND ${CMAKE_BUILD_TYPE})
if(PSHARE_SANITIZE)
  string(APPEND PSHARE_BUILD_KIND ", with sanitizers (${PSHARE_SANITIZE})")
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/built_with.cpp.in ${CMAKE_BINARY_DIR}/version/built_with.cpp @ONLY)
