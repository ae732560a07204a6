// Which names a sequence may have. One rule for the library, the control socket, the command line
// and the configuration: valid UTF-8, 1 to 255 bytes, no control character, no '/', no leading '_',
// not "." or "..".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace essequence::shm {

constexpr std::size_t kMaxNameBytes = 255;

// What is wrong with `name` as the name of a sequence, in words; empty if nothing is.
std::string name_problem(std::string_view name);

bool is_utf8(std::string_view text);

// Reads one UTF-8 character at `at`, which is inside `text`, and steps past it; -1, and no step, if
// it is malformed (RFC 3629: overlong forms, surrogates and values past U+10FFFF are).
std::int32_t next_character(std::string_view text, std::size_t &at);

// Whether `character` would steer what shows it: a control character (C0, DEL, C1).
constexpr bool is_control(std::int32_t character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

}  // namespace essequence::shm
