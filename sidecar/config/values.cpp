#include "sidecar/config/values.hpp"

#include <charconv>
#include <utility>

namespace essequence::sidecar {
namespace {

constexpr std::pair<const char *, std::int64_t> kUnits[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

}  // namespace

std::optional<std::int64_t> parse_integer(const std::string &text) {
  std::int64_t value = 0;
  const char *const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(const std::string &text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::chrono::nanoseconds> parse_duration(const std::string &text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::int64_t> number = parse_integer(text.substr(0, digits));
  constexpr std::int64_t kMostMilliseconds = 1000LL * 365 * 24 * 3600;
  for (const auto &[unit, milliseconds] : kUnits) {
    if (number && text.substr(digits) == unit && *number <= kMostMilliseconds / milliseconds) {
      return std::chrono::milliseconds(*number * milliseconds);
    }
  }
  return std::nullopt;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  for (const auto &[unit, length] : kUnits) {
    if (milliseconds % length == 0) return std::to_string(milliseconds / length) + unit;
  }
  return "";
}

std::vector<std::string> split_list(const std::string &text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string item = text.substr(begin, end - begin);
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    if (!item.empty()) items.push_back(std::move(item));
    begin = end + 1;
  }
  return items;
}

std::string joined_list(const std::vector<std::string> &items) {
  std::string text;
  for (const std::string &item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

}  // namespace essequence::sidecar
