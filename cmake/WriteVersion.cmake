# Writes OUTPUT, the source that knows the version, from this_version.cpp.in; not if it would be the same. Run by cmake/Version.cmake, as a script.
if(NOT VERSION)
  execute_process(COMMAND ${SOURCE}/packaging/version.sh OUTPUT_VARIABLE VERSION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE trouble)
  if(NOT trouble EQUAL 0)  # no bash, for instance
    set(VERSION ${PROJECT_VERSION}~unknown)
  endif()
endif()
configure_file(${SOURCE}/cmake/this_version.cpp.in ${OUTPUT} @ONLY)
