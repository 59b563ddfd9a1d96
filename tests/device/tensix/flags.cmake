# The emulated AVX-512 matrix kernels: included by tests/CMakeLists.txt. Warnings are off as for the other emulated table.
set_source_files_properties(
  ${CMAKE_CURRENT_LIST_DIR}/tensix_avx512_simde.cpp
  PROPERTIES SKIP_PRECOMPILE_HEADERS ON COMPILE_OPTIONS "-O2;-mavx2;-mfma;-Wno-uninitialized;-Wno-psabi;$<IF:$<CXX_COMPILER_ID:GNU>,-Wno-maybe-uninitialized,-Wno-pass-failed>")
