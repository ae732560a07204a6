#include "shmclient/src/name.hpp"

namespace essequence::shm {

std::int32_t next_character(std::string_view text, std::size_t &at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || at + length > text.size()) return -1;
  std::int32_t character = length == 1 ? lead : lead & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return -1;
    character = character << 6 | (byte(at + i) & 0x3f);
  }
  constexpr std::int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (character < smallest[length] || character > 0x10ffff || surrogate) return -1;
  at += length;
  return character;
}

std::string name_problem(std::string_view name) {
  if (name.empty()) return "a sequence name is 1 to 255 bytes long, this one is empty";
  if (name.size() > kMaxNameBytes) {
    return "a sequence name is 1 to 255 bytes long, this one has " + std::to_string(name.size());
  }
  if (name.front() == '_') return "a sequence name does not start with '_'";
  if (name == "." || name == "..") return "a sequence name is not \".\" or \"..\"";
  for (std::size_t at = 0; at < name.size();) {
    const std::int32_t character = next_character(name, at);
    if (character < 0) return "a sequence name is valid UTF-8, this one is not";
    if (character == '/') return "a sequence name holds no '/'";
    if (is_control(character)) return "a sequence name holds no control character";
  }
  return "";
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (next_character(text, at) < 0) return false;
  }
  return true;
}

}  // namespace essequence::shm
