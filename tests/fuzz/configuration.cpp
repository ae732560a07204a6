// A configuration file, an environment and a command line. The input is the three with zero bytes
// in between; of the last two each line is one item. What is accepted reads back to the same when
// it is printed.
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "sidecar/config/invocation.hpp"
#include "tests/fuzz/input.hpp"

using namespace essequence::sidecar;

namespace {

// A file in memory with a path.
class File {
 public:
  File() : fd_(memfd_create("configuration", MFD_CLOEXEC)) {
    path_ = "/proc/self/fd/" + std::to_string(fd_);
  }
  void hold(const std::string &text) {
    fuzz::require(ftruncate(fd_, 0) == 0, "an empty file");
    fuzz::require(pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
                  "a written file");
  }
  const std::string &path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

std::vector<std::string> lines(const std::string &text) {
  std::vector<std::string> found;
  fuzz::Input input(reinterpret_cast<const std::uint8_t *>(text.data()), text.size());
  while (!input.empty()) found.push_back(input.text('\n'));
  return found;
}

Invocation invoked(const File &file, const std::vector<std::string> &more,
                   const std::map<std::string, std::string> &environment) {
  std::vector<const char *> arguments = {"essequenced", "--config", file.path().c_str()};
  for (const std::string &argument : more) arguments.push_back(argument.c_str());
  return parse_invocation(static_cast<int>(arguments.size()), arguments.data(), environment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static File file;
  fuzz::Input input(data, size);
  file.hold(input.text('\0'));
  std::map<std::string, std::string> environment;
  for (const std::string &line : lines(input.text('\0'))) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) environment[line.substr(0, equals)] = line.substr(equals + 1);
  }
  std::optional<Invocation> accepted;
  try {
    accepted = invoked(file, lines(input.text('\0')), environment);
  } catch (const UsageError &error) {
    fuzz::require(*error.what() != '\0', "an error has words");
  } catch (const ConfigError &error) {
    fuzz::require(*error.what() != '\0', "an error has words");
  }
  if (!accepted || accepted->help || accepted->version) return 0;
  const std::string printed = to_toml(accepted->config);
  file.hold(printed);
  fuzz::require(to_toml(invoked(file, {}, {}).config) == printed,
                "what is printed reads back to the same");
  return 0;
}
