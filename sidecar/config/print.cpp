#include "sidecar/config/invocation.hpp"
#include "sidecar/config/options.hpp"
#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

std::string quoted(const std::string &text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string written(ValueKind kind, const std::string &text) {
  if (kind == ValueKind::text) return quoted(text);
  if (kind != ValueKind::list) return text;
  std::string list;
  for (const std::string &item : split_list(text))
    list += (list.empty() ? "" : ", ") + quoted(item);
  return "[" + list + "]";
}

}  // namespace

std::string to_toml(const Config &config) {
  std::string toml, table;
  for (const Option<Config> &option : options()) {
    const std::size_t dot = option.key.find('.');
    const std::string its_table = dot == std::string::npos ? "" : option.key.substr(0, dot);
    if (its_table != table) toml += "\n[" + its_table + "]\n";
    table = its_table;
    toml += option.key.substr(dot + 1) + " = " + written(option.kind, option.get(config)) + "\n";
  }
  for (const auto &[name, sequence] : config.sequences) {
    toml += "\n[sequence." + quoted(name) + "]\n";
    for (const Option<SequenceConfig> &option : sequence_options()) {
      toml += option.key + " = " + written(option.kind, option.get(sequence)) + "\n";
    }
  }
  return toml;
}

}  // namespace essequence::sidecar
