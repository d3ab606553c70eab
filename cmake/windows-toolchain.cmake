# Compiling for 64-bit Windows on Debian: mingw-w64 with POSIX threads, and the libraries that packaging/msi/libraries.sh has built.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
# What is built, such as unit tests, runs under Wine.
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/../tests/windows/wine)

get_filename_component(pshare_sysroot ${CMAKE_CURRENT_LIST_DIR}/../build/deps/windows REALPATH)
set(PSHARE_WINDOWS_SYSROOT ${pshare_sysroot} CACHE PATH "Where packaging/msi/libraries.sh has put the libraries")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PSHARE_WINDOWS_SYSROOT)

set(CMAKE_FIND_ROOT_PATH ${PSHARE_WINDOWS_SYSROOT} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# The host's libraries are of no use here. The archives may have been moved since they were built.
set(ENV{PKG_CONFIG_LIBDIR} ${PSHARE_WINDOWS_SYSROOT}/lib/pkgconfig)
set(PKG_CONFIG_ARGN --define-prefix --static)
