// A fuzzed input, taken apart from its front. What is missing at the end reads as zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace fuzz {

class Input {
 public:
  Input(const std::uint8_t *data, std::size_t size) : at_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  template <class Number>
  Number number() {
    Number value{};
    const std::size_t size = std::min(left_, sizeof value);
    std::memcpy(&value, at_, size);
    skip(size);
    return value;
  }

  // Up to the next `separator`, which is left out, or the end.
  std::string text(char separator) {
    const auto *const end = std::find(at_, at_ + left_, static_cast<std::uint8_t>(separator));
    const std::string found(at_, end);
    skip(std::min(left_, found.size() + 1));
    return found;
  }

 private:
  void skip(std::size_t bytes) {
    at_ += bytes;
    left_ -= bytes;
  }
  const std::uint8_t *at_;
  std::size_t left_;
};

// What must hold for every input.
inline void require(bool holds, const char *words) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", words);
  std::abort();
}

}  // namespace fuzz
