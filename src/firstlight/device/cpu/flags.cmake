# Compiler flags of the kernel tables (tables/<isa>_<part>.cpp): included by src/firstlight/CMakeLists.txt after the
# device room. Every table is optimised like a release outside debug builds (the sanitizer build included), else its
# loops are too slow to test.
set(FIRSTLIGHT_KERNEL_FLAGS $<$<NOT:$<CONFIG:Debug>>:-O3>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports operands that its own intrinsics leave undefined on purpose.
  list(APPEND FIRSTLIGHT_KERNEL_FLAGS -Wno-uninitialized -Wno-maybe-uninitialized)
else()
  # Vectors are passed between functions of one file only; a loop that is asked to unroll may already be gone.
  list(APPEND FIRSTLIGHT_KERNEL_FLAGS -Wno-psabi -Wno-pass-failed)
endif()

# The tables see only what they include: an inline function compiled with their flags must not reach other files.
function(firstlight_kernel_tables isa)
  file(GLOB tables CONFIGURE_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/tables/${isa}_*.cpp)
  set_source_files_properties(${tables} PROPERTIES COMPILE_OPTIONS "${FIRSTLIGHT_KERNEL_FLAGS};${ARGN}"
                                                   SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
firstlight_kernel_tables(portable)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
  firstlight_kernel_tables(avx2 -mavx2 -mfma -mf16c)
  firstlight_kernel_tables(avx512 ${avx512})
  firstlight_kernel_tables(avx512vnni ${avx512} -mavx512vnni)
  firstlight_kernel_tables(avx512bf16 ${avx512} -mavx512bf16 -mavx512vbmi)
  firstlight_kernel_tables(amx ${avx512} -mavx512bf16 -mavx512vbmi -mavx512fp16 -mamx-tile -mamx-bf16)
endif()
