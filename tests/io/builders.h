// Makes small files, good and bad, for the io tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/error.h"
#include "testing/testing.h"

namespace firstlight::io::testing {

inline std::vector<std::byte> to_bytes(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

// A safetensors file of this header, with `data_bytes` bytes 0, 1, 2 ... behind it.
inline std::vector<std::byte> safetensors_bytes(std::string_view header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::vector<std::byte> bytes(sizeof length);
  std::memcpy(bytes.data(), &length, sizeof length);
  const std::vector<std::byte> text = to_bytes(header);
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (std::size_t i = 0; i < data_bytes; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

inline void write_bytes(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return to_bytes(text);
}

// The body must throw an Error of this category whose text holds every one of `parts`.
inline void expect_refused(Category category, const std::vector<std::string>& parts,
                           const std::function<void()>& body) {
  const Error error = firstlight::testing::expect_error(body);
  EXPECT_EQ(category, error.category()) << error.what();
  for (const std::string& part : parts)
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << "expected '" << part << "' in: " << error.what();
}

// The body may do nothing but succeed or throw an Error about its input.
inline void expect_no_surprise(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_NE(error.category(), Category::kInternal) << error.what();
  }
}

}  // namespace firstlight::io::testing
