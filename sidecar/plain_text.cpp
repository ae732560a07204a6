#include "sidecar/plain_text.hpp"

#include <algorithm>

#include "shmclient/src/name.hpp"

namespace essequence {
namespace {

bool turns_direction(std::int32_t character) {
  return character == 0x061c || character == 0x200e || character == 0x200f ||
         (character >= 0x202a && character <= 0x202e) ||
         (character >= 0x2066 && character <= 0x2069);
}

bool separates_lines(std::int32_t character) { return character == 0x2028 || character == 0x2029; }

// What continues a UTF-8 character takes no room of its own.
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

std::string plain(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::int32_t character = shm::next_character(text, at);
    if (character < 0) {
      plain += "\uFFFD";
      ++at;
    } else if (shm::is_control(character) || turns_direction(character) ||
               separates_lines(character)) {
      plain += ' ';
    } else {
      plain += text.substr(begin, at - begin);
    }
  }
  return plain;
}

std::size_t width(std::string_view plain_text) {
  return static_cast<std::size_t>(
      std::count_if(plain_text.begin(), plain_text.end(), begins_character));
}

std::string_view cut_to(std::string_view plain_text, std::size_t columns) {
  std::size_t used = 0;
  for (std::size_t at = 0; at < plain_text.size(); ++at) {
    if (begins_character(plain_text[at]) && ++used > columns) return plain_text.substr(0, at);
  }
  return plain_text;
}

}  // namespace essequence
