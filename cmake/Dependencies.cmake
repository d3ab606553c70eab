# Every library pshare is built from, each as a package of Debian 12 (packaging/setup.sh installs them).

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)

# Asio is header-only; io/asio.cpp compiles its implementation once.
find_path(PSHARE_ASIO_INCLUDE asio.hpp REQUIRED)
add_library(pshare_asio INTERFACE)
target_include_directories(pshare_asio SYSTEM INTERFACE ${PSHARE_ASIO_INCLUDE})
target_compile_definitions(pshare_asio INTERFACE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED)
target_link_libraries(pshare_asio INTERFACE Threads::Threads)
