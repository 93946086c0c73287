# Installs Ingot, then configures, builds and runs the example project outside the
# build tree with nothing but what was installed, and asks pkg-config.
#   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DCC=... -DCXX=... -P
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(COPY ${SOURCE}/test/models/goldens/mlp/saved_model DESTINATION ${WORK})
unset(ENV{LD_LIBRARY_PATH})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/cmake -B ${WORK}/build -G Ninja
  -DCMAKE_PREFIX_PATH=${WORK}/prefix -DMODEL=${WORK}/saved_model
  -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/build)
foreach(program use_c use_cxx)
  run(${WORK}/build/${program})
  if(NOT out MATCHES "^output_0: 2 10 first -?[0-9.]+\n$")
    message(FATAL_ERROR "${program} printed: ${out}")
  endif()
endforeach()

# Nothing to do the second time; a changed model is compiled again.
run(${CMAKE_COMMAND} --build ${WORK}/build)
if(NOT out MATCHES "no work to do")
  message(FATAL_ERROR "the second build did something:\n${out}")
endif()
file(TOUCH ${WORK}/saved_model/saved_model.pb)
run(${CMAKE_COMMAND} --build ${WORK}/build)
if(NOT out MATCHES "Compiling model net")
  message(FATAL_ERROR "a changed model was not compiled again:\n${out}")
endif()

find_program(pkg_config pkg-config)
if(pkg_config)
  file(GLOB_RECURSE pc ${WORK}/prefix/ingot.pc)
  get_filename_component(folder "${pc}" DIRECTORY)
  run(${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} ${pkg_config} --cflags ingot)
  # The folder that it was installed to, not the one that was configured.
  string(REGEX REPLACE "^-I|[ \n]+$" "" folder "${out}")
  if(NOT EXISTS ${folder}/ingot/ingot.hpp OR NOT folder MATCHES "^${WORK}/")
    message(FATAL_ERROR "pkg-config printed: ${out}")
  endif()
endif()
