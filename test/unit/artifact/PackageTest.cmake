# Installs Ingot's development files, then configures, builds and runs the
# example project outside the build tree against them, and asks pkg-config.
#   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DCOMPILER=... -DCC=... -DCXX=... -P
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(WRITE ${WORK}/model.pb "stands for a model")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component Development)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/cmake -B ${WORK}/build -G Ninja
  -DCMAKE_PREFIX_PATH=${WORK}/prefix -DINGOT_COMPILER=${COMPILER} -DMODEL=${WORK}/model.pb
  -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
foreach(program use_c use_cxx)
  run(${WORK}/build/${program})
  if(NOT out STREQUAL "y: 2 4 first 0.5\n")
    message(FATAL_ERROR "${program} printed: ${out}")
  endif()
endforeach()

# Nothing to do the second time; a changed model is compiled again.
run(${CMAKE_COMMAND} --build ${WORK}/build)
if(NOT out MATCHES "no work to do")
  message(FATAL_ERROR "the second build did something:\n${out}")
endif()

find_program(pkg_config pkg-config)
if(pkg_config)
  file(GLOB_RECURSE pc ${WORK}/prefix/ingot.pc)
  get_filename_component(folder "${pc}" DIRECTORY)
  run(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} ${pkg_config} --cflags ingot)
  if(NOT out MATCHES "-I.*include")
    message(FATAL_ERROR "pkg-config printed: ${out}")
  endif()
endif()
