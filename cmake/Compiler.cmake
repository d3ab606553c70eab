# How everything is compiled: ccache, warnings, sanitizers, hardening.

find_program(PSHARE_CCACHE ccache)
if(PSHARE_CCACHE)
  # With precompiled headers ccache needs to be told that times of headers do not matter. In which language the compiler speaks does not either: packages are built in "C".
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime,locale
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${PSHARE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

add_library(pshare_flags INTERFACE)
target_compile_options(pshare_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${PSHARE_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
target_compile_options(pshare_flags INTERFACE -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12, optimising, sees trouble that is not there in std::string's operator+ (GCC bug 105651) and in moved-from std::variants.
  target_compile_options(pshare_flags INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-maybe-uninitialized)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(WIN32)
  # Windows 10; none of windows.h's rarer parts and of its macros min and max. Coroutines make more sections than an object file has room for by default.
  add_compile_definitions(_WIN32_WINNT=0x0A00 NTDDI_VERSION=0x0A000006 WIN32_LEAN_AND_MEAN NOMINMAX)
  target_compile_options(pshare_flags INTERFACE -Wa,-mbig-obj)
  # No other file has to be there, neither the compiler's runtime nor a library. Address randomisation and a stack without code are what the linker does anyway.
  target_link_options(pshare_flags INTERFACE -static -fstack-protector-strong -Wl,--dynamicbase,--high-entropy-va,--nxcompat,--no-insert-timestamp)
  target_link_libraries(pshare_flags INTERFACE iphlpapi bcrypt crypt32 ntdll)
else()
  include(CheckPIESupported)
  check_pie_supported()
  target_link_options(pshare_flags INTERFACE -Wl,-z,relro,-z,now)
endif()

# What users get. Each has its line in docs/architecture.md, "Hardening", and is looked for in the built programs by tests/release/test_hardening.py.
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  if(NOT WIN32)  # where each page of the stack is touched in order anyway, and this linker cannot mark a program for the processor's shadow stack
    target_compile_options(pshare_flags INTERFACE -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i.86)$")
      target_compile_options(pshare_flags INTERFACE -fcf-protection=full)
    endif()
    target_link_options(pshare_flags INTERFACE -Wl,-z,noexecstack,-z,separate-code -Wl,--as-needed)
  endif()
  # Undefined first: a distribution's flags, or its compiler, may have said 2. Said as -Wp, it comes after ours, and is left alone.
  if(NOT CMAKE_CXX_FLAGS MATCHES "-Wp,[^ ]*_FORTIFY_SOURCE")
    target_compile_options(pshare_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  target_compile_definitions(pshare_flags INTERFACE _GLIBCXX_ASSERTIONS)
  # Where somebody built it is nobody's business.
  # ccache gives the compiler paths as they are seen from the build folder.
  file(RELATIVE_PATH source_from_build ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
  target_compile_options(pshare_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}/= -ffile-prefix-map=${source_from_build}=)
endif()

if(PSHARE_SANITIZE)
  add_compile_options(-fsanitize=${PSHARE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PSHARE_SANITIZE})
endif()
if(PSHARE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC's ThreadSanitizer does not see through the fences that Asio would use; without them Asio synchronises by what it does see.
  add_compile_options(-Wno-tsan)
  add_compile_definitions(ASIO_DISABLE_FENCED_BLOCK)
endif()
if(PSHARE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(PSHARE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
