#include "sidecar/ctl/outcome.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace essequence::ctl {

void print(const std::string &text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return;
  }
  throw Stop(Exit::failed, std::string("cannot write to stdout: ") + std::strerror(errno));
}

}  // namespace essequence::ctl
