# What is installed, in the parts of which packages are made (packaging/deb): pshare, pshare-server and pshare-supernode, which is a unit for pshare.
#
#   cmake --install build/release --component pshare --prefix /usr/local
#
# `--target installed` builds what is installed, and nothing else.
include(GNUInstallDirs)

set(PSHARE_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd looks for units")
set(PSHARE_USER_UNIT_DIR lib/systemd/user CACHE STRING "Where systemd looks for units of users")

install(TARGETS pshare RUNTIME COMPONENT pshare)
install(TARGETS pshare-server RUNTIME COMPONENT pshare-server)
add_custom_target(installed DEPENDS pshare pshare-server)
# Manual pages and completions say themselves where they belong: apps/manual, packaging/completions.
if(TARGET manual)  # not where it cannot be run
  add_dependencies(installed manual)
endif()

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  foreach(unit pshare-server pshare-supernode pshare-receive)
    configure_file(${CMAKE_SOURCE_DIR}/packaging/systemd/${unit}.service.in ${CMAKE_BINARY_DIR}/systemd/${unit}.service @ONLY)
  endforeach()
  install(FILES ${CMAKE_BINARY_DIR}/systemd/pshare-server.service DESTINATION ${PSHARE_UNIT_DIR} COMPONENT pshare-server)
  install(FILES ${CMAKE_BINARY_DIR}/systemd/pshare-supernode.service DESTINATION ${PSHARE_UNIT_DIR} COMPONENT pshare-supernode)
  install(FILES ${CMAKE_BINARY_DIR}/systemd/pshare-receive.service DESTINATION ${PSHARE_USER_UNIT_DIR} COMPONENT pshare)
endif()

# As in the tree, since they refer to each other.
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT pshare)
install(FILES docs/services.md docs/self-hosting.md docs/configuration.md DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/pshare-server COMPONENT pshare-server)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT pshare)
