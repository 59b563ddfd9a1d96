# The emulated AVX-512 and AMX tables: included by tests/CMakeLists.txt, before the test programs. The warnings that are
# off are those of the kernel tables (src/firstlight/device/cpu/flags.cmake).
file(GLOB simde_tables CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/simde/*.cpp)
set_source_files_properties(
  ${simde_tables}
  PROPERTIES SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON COMPILE_OPTIONS
             "-O1;-mavx2;-mfma;-mf16c;-Wno-uninitialized;-Wno-psabi;-Wno-unused-function;$<IF:$<CXX_COMPILER_ID:GNU>,-Wno-maybe-uninitialized,-Wno-pass-failed>")

# What the linker sees of the kernel tables. The sanitizers add symbols of their own.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT FIRSTLIGHT_SANITIZE)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME device/isa_symbols COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/check_isa_symbols.py
                                           $<TARGET_FILE:fl_device>)
endif()
