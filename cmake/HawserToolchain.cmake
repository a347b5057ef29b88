# Compiler, warnings and the options of the presets.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

option(HAWSER_TESTS "Build the unit tests" ON)
option(HAWSER_BENCH "Build the benchmarks" OFF)
option(HAWSER_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(HAWSER_SANITIZE "" CACHE STRING "Value of -fsanitize=, e.g. address,undefined or thread")

# One cache for all clones: paths below the source folder count as relative.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(launcher "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=true "${CCACHE_PROGRAM}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(hawser_flags INTERFACE)
target_compile_options(hawser_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # g++ 12 reports string concatenations falsely (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(HAWSER_SANITIZE)
  add_compile_options(-fsanitize=${HAWSER_SANITIZE} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${HAWSER_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# The libraries too: a fuzzer sees, and is led by, what is instrumented.
if(HAWSER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(PkgConfig REQUIRED)
if(HAWSER_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
