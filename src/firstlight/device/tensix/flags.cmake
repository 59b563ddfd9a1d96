# Compiler flags of the matrix kernels' tables, as device/cpu/flags.cmake has them for its own (included after it).
set(tensix_kernels ${CMAKE_CURRENT_LIST_DIR}/kernels)
set_source_files_properties(${tensix_kernels}/tensix_portable.cpp PROPERTIES
                            COMPILE_OPTIONS "${FIRSTLIGHT_KERNEL_FLAGS}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(${tensix_kernels}/tensix_avx2.cpp PROPERTIES COMPILE_OPTIONS
                              "${FIRSTLIGHT_KERNEL_FLAGS};-mavx2;-mfma")
  set_source_files_properties(${tensix_kernels}/tensix_avx512.cpp PROPERTIES COMPILE_OPTIONS
                              "${FIRSTLIGHT_KERNEL_FLAGS};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mfma")
endif()
set_source_files_properties(${tensix_kernels}/tensix_portable.cpp ${tensix_kernels}/tensix_avx2.cpp
                            ${tensix_kernels}/tensix_avx512.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON
                                                                           SKIP_UNITY_BUILD_INCLUSION ON)
