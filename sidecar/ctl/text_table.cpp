#include "sidecar/ctl/text_table.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/plain_text.hpp"

namespace essequence::ctl {
namespace {

std::string padded(const std::string &text, std::size_t columns, Align align = Align::left) {
  const std::size_t used = width(text);
  const std::string blanks(columns - std::min(used, columns), ' ');
  return align == Align::left ? text + blanks : blanks + text;
}

void flatten(const Json &object, const std::string &prefix,
             std::vector<std::pair<std::string, std::string>> &rows) {
  for (const auto &[key, value] : object.items()) {
    if (value.is_object()) {
      flatten(value, prefix + key + ".", rows);
    } else {
      rows.emplace_back(plain(prefix + key), as_word(value));
    }
  }
}

}  // namespace

std::string as_word(const Json &value) {
  if (value.is_null()) return "-";
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (value.is_number_float()) {
    char rounded[32];
    std::snprintf(rounded, sizeof rounded, "%.1f", value.get<double>());
    text = rounded;
  }
  return text.empty() ? "-" : plain(text);
}

std::string as_line(const Json &value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string labelled(const Json &object) {
  std::vector<std::pair<std::string, std::string>> rows;
  flatten(object, "", rows);
  std::size_t widest = 0;
  for (const auto &[label, value] : rows) widest = std::max(widest, width(label));
  std::string text;
  for (const auto &[label, value] : rows) text += padded(label, widest) + " : " + value + "\n";
  return text;
}

std::string table(const std::vector<Column> &columns, const Json &rows) {
  std::vector<std::vector<std::string>> cells(1);
  for (const Column &column : columns) cells[0].push_back(column.title);
  for (const Json &row : rows) {
    cells.emplace_back();
    for (const Column &column : columns) {
      cells.back().push_back(as_word(row.value(column.field, Json())));
    }
  }
  std::vector<std::size_t> widest(columns.size());
  for (const auto &line : cells) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      widest[i] = std::max(widest[i], width(line[i]));
    }
  }
  std::string text;
  for (const auto &line : cells) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool last = i + 1 == columns.size();
      const bool left = columns[i].align == Align::left;
      text += last && left ? line[i] : padded(line[i], widest[i], columns[i].align);
      if (!last) text += "  ";
    }
    text += "\n";
  }
  return text;
}

}  // namespace essequence::ctl
