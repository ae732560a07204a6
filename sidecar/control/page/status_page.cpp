#include "sidecar/control/page/status_page.hpp"

#include <spdlog/fmt/fmt.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace essequence::sidecar {

std::string fresh_nonce() {
  std::uint64_t random[2];
  if (getrandom(random, sizeof random, 0) != sizeof random) {
    throw std::system_error(errno, std::generic_category(), "asking for random bytes");
  }
  return fmt::format("{:016x}{:016x}", random[0], random[1]);
}

std::string status_page(const std::string &nonce) {
  const std::string mark = "\"NONCE\"";
  std::string page = kPageText;
  for (std::size_t at = page.find(mark); at != std::string::npos; at = page.find(mark, at)) {
    page.replace(at, mark.size(), "\"" + nonce + "\"");
  }
  return page;
}

std::string status_page_policy(const std::string &nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; img-src data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
      "require-trusted-types-for 'script'; trusted-types 'none'",
      nonce);
}

}  // namespace essequence::sidecar
