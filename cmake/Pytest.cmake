# Tests in Python, as tests of ctest's own.
#
# pytest is Debian's python3-pytest, which belongs to /usr/bin/python3 whatever other Python comes first in PATH.
find_program(PSHARE_PYTEST_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(PSHARE_PYTEST_PYTHON NAMES python3)

# pshare_pytest(e2e resume TIMEOUT 600 ENVIRONMENT NAME=VALUE ...): the functions test_* of test_resume.py, each called e2e.resume.*
# and labelled e2e.
function(pshare_pytest label name)
  cmake_parse_arguments(arg "" "TIMEOUT" "ENVIRONMENT" ${ARGN})
  set(file ${CMAKE_CURRENT_SOURCE_DIR}/test_${name}.py)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} lines REGEX "^def test_")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^def (test_([A-Za-z0-9_]+)).*" "\\1" function "${line}")
    string(REGEX REPLACE "^test_" "" title "${function}")
    set(test ${label}.${name}.${title})
    add_test(NAME ${test} COMMAND ${PSHARE_PYTEST_PYTHON} -B -m pytest ${file}::${function} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${arg_TIMEOUT} SKIP_REGULAR_EXPRESSION "(^|\n)[0-9]+ skipped" ENVIRONMENT
      "PYTHONUNBUFFERED=1;PSHARE_BIN_DIR=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};${arg_ENVIRONMENT}")
  endforeach()
endfunction()
