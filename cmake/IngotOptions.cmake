# Flags every target shares: warnings, sanitizers, the linker.
add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
add_link_options(-fuse-ld=lld)
# The first finding ends the program. Generated code is called through pointers to
# functions but has no types for -fsanitize=function.
if(INGOT_SANITIZE)
  add_compile_options(-fsanitize=${INGOT_SANITIZE} -fno-sanitize=function
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${INGOT_SANITIZE})
endif()
