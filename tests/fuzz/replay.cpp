// Runs a target over the files that are named, and those of the directories that are named: what
// libFuzzer found before stays mended, with any compiler.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

void run(const std::filesystem::path &path) {
  std::printf("%s\n", path.filename().c_str());
  std::fflush(stdout);  // the last one that is told is the one that crashed
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
}

}  // namespace

int main(int count, char **paths) {
  std::size_t files = 0;
  for (int i = 1; i < count; ++i) {
    if (!std::filesystem::is_directory(paths[i])) {
      run(paths[i]);
      ++files;
      continue;
    }
    for (const auto &entry : std::filesystem::directory_iterator(paths[i])) {
      run(entry.path());
      ++files;
    }
  }
  return files == 0 ? 1 : 0;
}
