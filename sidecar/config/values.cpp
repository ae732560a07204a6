#include "sidecar/config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "shmclient/src/name.hpp"

namespace essequence::sidecar {
namespace {

constexpr std::pair<const char *, std::int64_t> kMilliseconds[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool is_port(const std::string &text) {
  const auto port = parse_integer(text);
  return port && *port >= 1 && *port <= 65535;
}

// "HOST:PORT", "[IPV6]:PORT", or either without a port.
struct Place {
  std::string host;  // without the brackets
  bool bracketed = false;
  std::optional<std::string> port;
};

std::optional<Place> parse_place(const std::string &text) {
  Place place;
  place.bracketed = text.starts_with('[');
  const std::size_t end = place.bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string::npos) return std::nullopt;
  place.host = place.bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  const std::string rest = text.substr(place.bracketed ? end + 1 : end);
  if (rest.starts_with(':')) place.port = rest.substr(1);
  if (!rest.empty() && !place.port) return std::nullopt;
  return place;
}

bool is_address(int family, const std::string &text) {
  in6_addr address;
  return inet_pton(family, text.c_str(), &address) == 1;
}

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
  constexpr std::int64_t kYear = 1000LL * 365 * 24 * 3600;
  for (const auto &[unit, milliseconds] : kMilliseconds) {
    if (number && text.substr(digits) == unit && *number <= kYear / milliseconds) {
      return std::chrono::milliseconds(*number * milliseconds);
    }
  }
  return std::nullopt;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  for (const auto &[unit, milliseconds] : kMilliseconds) {
    if (whole % milliseconds == 0) return std::to_string(whole / milliseconds) + unit;
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

bool is_printable(const std::string &text) {
  const auto is_control = [](unsigned char c) { return std::iscntrl(c) != 0; };
  return shm::is_utf8(text) && std::none_of(text.begin(), text.end(), is_control);
}

bool is_absolute_path(const std::string &text) { return text.starts_with('/'); }

bool is_host_url(const std::string &text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  const std::optional<Place> place = parse_place(text.substr(scheme));
  if (scheme == 0 || !place || (place->port && !is_port(*place->port))) return false;
  if (place->bracketed) return is_address(AF_INET6, place->host);
  // What comes before an '@' is a credential, and would end up in logs.
  return !place->host.empty() && is_printable(place->host) &&
         place->host.find_first_of("/@?#[] \\") == std::string::npos;
}

bool is_listen_address(const std::string &text) {
  if (text.empty()) return true;
  const std::optional<Place> place = parse_place(text);
  return place && place->port && is_port(*place->port) &&
         is_address(place->bracketed ? AF_INET6 : AF_INET, place->host);
}

bool is_index_name(const std::string &text) {
  const auto forbidden = [](unsigned char c) {
    return std::isupper(c) || std::string("\\/*?\"<>| ,#:").find(c) != std::string::npos;
  };
  return !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
         std::string("_-+").find(text.front()) == std::string::npos &&
         std::none_of(text.begin(), text.end(), forbidden);
}

bool is_fingerprint(const std::string &text) {
  const auto digits = std::count_if(text.begin(), text.end(),
                                    [](unsigned char c) { return std::isxdigit(c) != 0; });
  const auto colons = std::count(text.begin(), text.end(), ':');
  return text.empty() ||
         (digits == 64 && digits + colons == static_cast<std::ptrdiff_t>(text.size()));
}

}  // namespace essequence::sidecar
