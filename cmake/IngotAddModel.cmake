# ingot_add_model(TARGET MODEL [SHARED] [NAME name] [OPTIONS options...])
#
# Compiles MODEL (a SavedModel folder, .pb or .pbtxt) when the project is built,
# and makes the library TARGET of it, whose header is <NAME.h>. NAME, by default
# TARGET, is the prefix of its C functions. OPTIONS go to `ingot compile`, such
# as `--shape input=batchx224x224x3` or `--mcpu znver4`. Without SHARED the
# model is linked into the program.
function(ingot_add_model target model)
  cmake_parse_arguments(ARG "SHARED" "NAME" "OPTIONS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ingot_add_model: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_NAME)
    set(ARG_NAME ${target})
  endif()
  get_filename_component(model "${model}" ABSOLUTE)
  if(IS_DIRECTORY "${model}")
    file(GLOB_RECURSE inputs CONFIGURE_DEPENDS "${model}/*")
  elseif(EXISTS "${model}")
    set(inputs "${model}")
  else()
    message(FATAL_ERROR "ingot_add_model: there is no model '${model}'")
  endif()

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/ingot/${target}")
  file(MAKE_DIRECTORY "${folder}")
  if(ARG_SHARED)
    set(kind SHARED)
    set(output "${folder}/${ARG_NAME}.so")
  else()
    set(kind STATIC)
    set(output "${folder}/${ARG_NAME}.a")
  endif()
  set(header "${folder}/${ARG_NAME}.h")
  add_custom_command(OUTPUT "${output}" "${header}"
    COMMAND Ingot::compiler compile "${model}" -o "${output}" --header "${header}" ${ARG_OPTIONS}
    DEPENDS ${inputs} COMMENT "Compiling model ${target}" VERBATIM)
  add_custom_target(${target}_compile DEPENDS "${output}" "${header}")

  add_library(${target} ${kind} IMPORTED GLOBAL)
  add_dependencies(${target} ${target}_compile)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${output}"
    INTERFACE_INCLUDE_DIRECTORIES "${folder}")
  if(NOT ARG_SHARED)
    find_package(Threads REQUIRED)
    set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES m Threads::Threads)
  endif()
endfunction()
