#include "sidecar/manual/roff.hpp"

namespace essequence::manual {

std::string plain(const std::string &text) {
  std::string roff = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\') {
      roff += "\\e";
    } else if (c == '-') {
      roff += "\\-";  // a minus, as it is to be typed
    } else if (c == '"') {
      roff += "\\(dq";  // which would end an argument
    } else {
      roff += c;
    }
  }
  return roff;
}

std::string tagged(const std::string &tag, const std::string &text) {
  return ".TP\n.B \"" + plain(tag) + "\"\n" + plain(text) + "\n";
}

std::string subsection(const std::string &title) { return ".SS \"" + plain(title) + "\"\n"; }

}  // namespace essequence::manual
