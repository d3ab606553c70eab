# One target for each folder, so that an include which points the wrong way does not compile.
#
# Sources say `#include "wire/result.hpp"`. The source root itself is on nobody's include path: each folder is seen
# through a view of its own (a directory that holds one link, named like the folder), and a target sees only the views of
# the targets it links.

function(pshare_view folder out)
  set(view ${CMAKE_BINARY_DIR}/views/${folder})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${view}/${folder} SYMBOLIC)
  set(${out} ${view} PARENT_SCOPE)
endfunction()

# pshare_library(pshare_wire FOLDER wire SOURCES a.cpp ... PER_SYSTEM b ... DEPENDS pshare_x ... PRIVATE_DEPENDS lib ...)
# What is PER_SYSTEM has one header, b.hpp, and an implementation each for POSIX and for Windows: b_posix.cpp and b_windows.cpp.
if(WIN32)
  set(pshare_system windows)
else()
  set(pshare_system posix)
endif()
function(pshare_library name)
  cmake_parse_arguments(arg "" "FOLDER" "SOURCES;PER_SYSTEM;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  foreach(part ${arg_PER_SYSTEM})
    list(APPEND arg_SOURCES ${part}_${pshare_system}.cpp)
  endforeach()
  pshare_view(${arg_FOLDER} view)
  if(NOT arg_SOURCES)  # headers only, so far
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${view})
    target_link_libraries(${name} INTERFACE ${arg_DEPENDS})
    return()
  endif()
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${view})
  target_link_libraries(${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS} pshare_flags)
endfunction()

# pshare_test(unit_wire SOURCES a_test.cpp ... DEPENDS pshare_wire ...): a GoogleTest program, each of its tests known to ctest.
# `unit_tests` builds all whose name begins with unit_.
add_custom_target(unit_tests)
function(pshare_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} GTest::gtest_main GTest::gmock pshare_flags)
  # What is under test is optimised, and watched for undefined behaviour. That the tests' own code be so too would take most of the time of a sanitized build.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
  if(PSHARE_SANITIZE MATCHES "undefined")
    target_compile_options(${name} PRIVATE -fno-sanitize=undefined)
  endif()
  if(name MATCHES "^unit_")
    add_dependencies(unit_tests ${name})
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120 LABELS ${name})
endfunction()

# pshare_fuzz(fuzz_framing SOURCE framing.cpp DEPENDS pshare_wire PARSES wire/framing.cpp ...): a libFuzzer program. Corpus: tests/fuzz/corpus/<name>.
# PARSES: the sources whose coverage by this target tests/fuzz/coverage.py shows. What there is stands in fuzz_targets.txt in the build folder.
function(pshare_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE" "DEPENDS;PARSES" ${ARGN})
  foreach(source ${arg_PARSES})
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${source})
      message(FATAL_ERROR "${name} PARSES ${source}, which is not there")
    endif()
  endforeach()
  list(JOIN arg_PARSES " " parses)
  set_property(GLOBAL APPEND_STRING PROPERTY pshare_fuzz_targets "${name} ${parses}\n")
  add_executable(${name} ${arg_SOURCE})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} pshare_flags)
endfunction()
