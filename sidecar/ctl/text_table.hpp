// Aligned text for people, made from the sidecar's JSON.
#pragma once

#include <string>
#include <vector>

#include "sidecar/ctl/sidecar_request.hpp"

namespace essequence::ctl {

// A JSON value as one word: text without quotes and control characters, null as "-".
std::string as_word(const Json &value);

// As it is, for programs: on one line.
std::string as_line(const Json &value);

// "label : value" a line. Objects within become "outer.inner".
std::string labelled(const Json &object);

enum class Align { left, right };

struct Column {
  const char *title;
  const char *field;  // of each row's object
  Align align = Align::left;
};

std::string table(const std::vector<Column> &columns, const Json &rows);

}  // namespace essequence::ctl
