// Lines of a man page, in the macros of man(7).
#pragma once

#include <string>

namespace essequence::manual {

// `text` as it is to be read, whatever of it roff would take for its own.
std::string plain(const std::string &text);

// A paragraph with a tag in bold, as the list of options has them.
std::string tagged(const std::string &tag, const std::string &text);

// A heading within a section.
std::string subsection(const std::string &title);

}  // namespace essequence::manual
