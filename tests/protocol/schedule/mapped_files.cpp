#include "tests/protocol/schedule/mapped_files.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace essequence::protocol {
namespace {

constexpr std::uint64_t kPage = 4096;

// A shared mapping of a file.
struct Mapping {
  std::uint64_t begin, end, base;
};

struct Known {
  bool read = false;
  std::vector<Mapping> mappings;
  std::unordered_map<std::uint64_t, std::uint64_t> bases;  // of pages
} known;

std::map<void *, std::size_t> *watched = nullptr;

// Private memory is its own place.
void read_mappings() {
  known.read = true;
  std::FILE *const maps = std::fopen("/proc/self/maps", "re");
  char line[512];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    std::uint64_t begin = 0, end = 0, offset = 0, inode = 0;
    char mode[5] = "";
    if (std::sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64, &begin, &end,
                    mode, &offset, &inode) == 5 &&
        mode[3] == 's' && inode != 0) {
      // No address of a process lies above 2^47.
      known.mappings.push_back({begin, end, (std::uint64_t{1} << 63) + (inode << 32) + offset});
    }
  }
  if (maps != nullptr) std::fclose(maps);
}

std::uint64_t base_of(std::uint64_t page) {
  if (!known.read) read_mappings();
  for (const Mapping &mapping : known.mappings) {
    if (page >= mapping.begin && page < mapping.end) return mapping.base + (page - mapping.begin);
  }
  return page;
}

}  // namespace

std::uint64_t place_of(const void *address) {
  const auto number = reinterpret_cast<std::uint64_t>(address);
  const auto [found, fresh] = known.bases.try_emplace(number / kPage);
  if (fresh) found->second = base_of(number / kPage * kPage);
  return found->second + number % kPage;
}

Mappings::Mappings() { watched = new std::map<void *, std::size_t>; }

Mappings::~Mappings() {
  const std::map<void *, std::size_t> left = *watched;
  delete std::exchange(watched, nullptr);
  for (const auto &[address, length] : left) ::munmap(address, length);
}

}  // namespace essequence::protocol

// In place of the C library's, to hear of every change.
extern "C" void *mmap(void *address, std::size_t length, int protection, int flags, int file,
                      off_t offset) noexcept {
  essequence::protocol::known = {};
  const long mapped = syscall(SYS_mmap, address, length, protection, flags, file, offset);
  if (mapped == -1) return MAP_FAILED;
  void *const at = reinterpret_cast<void *>(mapped);
  if (essequence::protocol::watched != nullptr) (*essequence::protocol::watched)[at] = length;
  return at;
}
extern "C" int munmap(void *address, std::size_t length) noexcept {
  essequence::protocol::known = {};
  if (essequence::protocol::watched != nullptr) essequence::protocol::watched->erase(address);
  return static_cast<int>(syscall(SYS_munmap, address, length));
}
