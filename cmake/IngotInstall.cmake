# cmake --install: the tool, the headers, find_package(Ingot) and pkg-config.
# Compiled models need none of it to run.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(TARGET ingot)
  # Debian keeps libMLIR where the loader does not look by itself.
  set_target_properties(ingot PROPERTIES INSTALL_RPATH "${INGOT_LLVM_PREFIX}/lib")
  install(TARGETS ingot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT Compiler)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/include/ingot/ingot.h ${PROJECT_SOURCE_DIR}/include/ingot/ingot.hpp
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/ingot COMPONENT Development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Development)

set(INGOT_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Ingot)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/IngotConfig.cmake.in
  ${PROJECT_BINARY_DIR}/IngotConfig.cmake
  INSTALL_DESTINATION ${INGOT_CONFIG_DIR}
  PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/IngotConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/IngotConfig.cmake ${PROJECT_BINARY_DIR}/IngotConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/IngotAddModel.cmake DESTINATION ${INGOT_CONFIG_DIR}
  COMPONENT Development)

# Relative, so that `cmake --install --prefix` and moved folders hold true.
file(RELATIVE_PATH INGOT_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/ingot.pc.in ${PROJECT_BINARY_DIR}/ingot.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ingot.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT Development)
