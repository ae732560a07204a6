// Which names a sequence may have. One rule for the library, the control socket, the command line
// and the configuration: valid UTF-8, 1 to 255 bytes, no control character, no '/', no leading '_',
// not "." or "..".
#pragma once

#include <string>
#include <string_view>

namespace essequence::shm {

constexpr std::size_t kMaxNameBytes = 255;

// What is wrong with `name` as the name of a sequence, in words; empty if nothing is.
std::string name_problem(std::string_view name);

bool is_utf8(std::string_view text);

}  // namespace essequence::shm
