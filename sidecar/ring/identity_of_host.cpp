#include "sidecar/ring/identity_of_host.hpp"

#include <fstream>

namespace essequence::sidecar {
namespace {

std::string first_line(const char *path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::string boot_id() { return first_line("/proc/sys/kernel/random/boot_id"); }
std::string machine_id() { return first_line("/etc/machine-id"); }

}  // namespace essequence::sidecar
