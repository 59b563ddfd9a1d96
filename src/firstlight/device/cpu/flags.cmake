# Compiler flags of the kernel tables: included by src/firstlight/CMakeLists.txt after the device room. Every table is
# optimised like a release outside debug builds (the sanitizer build included), else its loops are too slow to test.
set(FIRSTLIGHT_KERNEL_FLAGS $<$<NOT:$<CONFIG:Debug>>:-O3>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports operands that its own intrinsics leave undefined on purpose.
  list(APPEND FIRSTLIGHT_KERNEL_FLAGS -Wno-uninitialized -Wno-maybe-uninitialized)
else()
  # Vectors are passed between functions of one file only; a loop that is asked to unroll may already be gone.
  list(APPEND FIRSTLIGHT_KERNEL_FLAGS -Wno-psabi -Wno-pass-failed)
endif()
set(cpu_sources ${CMAKE_CURRENT_LIST_DIR})
set_source_files_properties(${cpu_sources}/table_portable.cpp PROPERTIES
                            COMPILE_OPTIONS "${FIRSTLIGHT_KERNEL_FLAGS}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(${cpu_sources}/table_avx2.cpp PROPERTIES COMPILE_OPTIONS
                              "${FIRSTLIGHT_KERNEL_FLAGS};-mavx2;-mfma;-mf16c")
  set_source_files_properties(${cpu_sources}/table_avx512.cpp PROPERTIES COMPILE_OPTIONS
                              "${FIRSTLIGHT_KERNEL_FLAGS};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mfma;-mf16c")
  set_source_files_properties(
    ${cpu_sources}/table_avx512bf16.cpp
    PROPERTIES COMPILE_OPTIONS
               "${FIRSTLIGHT_KERNEL_FLAGS};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512bf16;-mavx512vnni;-mfma;-mf16c")
  set_source_files_properties(
    ${cpu_sources}/table_amx.cpp
    PROPERTIES COMPILE_OPTIONS
               "${FIRSTLIGHT_KERNEL_FLAGS};-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mavx512bf16;-mavx512vnni;-mamx-tile;-mamx-bf16;-mfma;-mf16c")
endif()
# The tables see only what they include: an inline function compiled with their flags must not reach other files.
set_source_files_properties(${cpu_sources}/table_portable.cpp ${cpu_sources}/table_avx2.cpp
                            ${cpu_sources}/table_avx512.cpp ${cpu_sources}/table_avx512bf16.cpp ${cpu_sources}/table_amx.cpp
                            PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
