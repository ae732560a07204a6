#include "sidecar/control/request_target.hpp"

#include <charconv>

#include "sidecar/refill/refusal.hpp"

namespace essequence::sidecar {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    const std::string_view digits = text.substr(at + 1, 2);
    unsigned char byte = 0;
    const auto end = digits.data() + digits.size();
    if (digits.size() < 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
      throw Refusal(400, "bad_request",
                    "'" + std::string(text) + "': '%' is followed by two hexadecimal digits");
    }
    decoded += static_cast<char>(byte);
    at += 2;
  }
  return decoded;
}

template <class Each>
void split(std::string_view text, char separator, Each each) {
  for (;;) {
    const std::size_t end = text.find(separator);
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

RequestTarget parse_target(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.empty() || path.front() != '/') {
    throw Refusal(400, "bad_request", "'" + std::string(path) + "' is no path: it starts with '/'");
  }
  RequestTarget parsed;
  split(path.substr(1), '/',
        [&](std::string_view segment) { parsed.segments.push_back(percent_decoded(segment)); });
  if (path.size() + 1 >= target.size()) return parsed;
  split(target.substr(path.size() + 1), '&', [&](std::string_view parameter) {
    const std::size_t equals = parameter.find('=');
    const std::string name = percent_decoded(parameter.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? "" : parameter.substr(equals + 1);
    if (!parsed.parameters.emplace(name, percent_decoded(value)).second) {
      throw Refusal(400, "bad_request", "the parameter '" + name + "' is given twice");
    }
  });
  return parsed;
}

}  // namespace essequence::sidecar
