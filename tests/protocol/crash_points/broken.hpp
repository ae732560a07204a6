// A promise that does not hold.
#pragma once

#include <stdexcept>
#include <string>

namespace essequence::crash {

struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string &words) {
  if (!holds) throw Broken(words);
}

}  // namespace essequence::crash
