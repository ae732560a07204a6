#include "sidecar/allocation/elasticsearch/path.hpp"

namespace essequence::sidecar::elasticsearch {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string path_of(std::string_view index, std::string_view verb, std::string_view name) {
  std::string path = "/" + percent_encoded(index);
  path.append("/").append(verb).append("/").append(percent_encoded(name));
  return path;
}

}  // namespace essequence::sidecar::elasticsearch
