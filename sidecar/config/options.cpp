#include "sidecar/config/options.hpp"

#include <algorithm>
#include <cctype>
#include <type_traits>
#include <utility>

#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One maker for each kind of option. `member` gives the field of (const) settings.

template <class Settings, class Member>
Option<Settings> text(std::string key, std::string flag, std::string help, Member member,
                      std::string accepts, bool (*accepted)(const std::string &)) {
  return {std::move(key),
          std::move(flag),
          ValueKind::text,
          std::move(accepts),
          std::move(help),
          [=](Settings &settings, const std::string &value) {
            if (!is_printable(value) || !accepted(value)) return false;
            member(settings) = value;
            return true;
          },
          [=](const Settings &settings) { return member(settings); }};
}

template <class Value>
using Choices = std::vector<std::pair<std::string, Value>>;

template <class Settings, class Member, class Value>
Option<Settings> choice(std::string key, std::string flag, std::string help, Member member,
                        Choices<Value> choices) {
  std::string accepts;
  for (const auto &[name, value] : choices) accepts += (accepts.empty() ? "" : " | ") + name;
  return {std::move(key),
          std::move(flag),
          ValueKind::text,
          std::move(accepts),
          std::move(help),
          [=](Settings &settings, const std::string &text) {
            for (const auto &[name, value] : choices) {
              if (name != text) continue;
              member(settings) = value;
              return true;
            }
            return false;
          },
          [=](const Settings &settings) {
            for (const auto &[name, value] : choices) {
              if (value == member(settings)) return name;
            }
            return std::string();
          }};
}

template <class Settings, class Member>
Option<Settings> integer(std::string key, std::string help, Member member, std::int64_t least,
                         std::int64_t most) {
  return {std::move(key),
          "",
          ValueKind::integer,
          "an integer from " + std::to_string(least) + " to " + std::to_string(most),
          std::move(help),
          [=](Settings &settings, const std::string &value) {
            const auto number = parse_integer(value);
            if (!number || *number < least || *number > most) return false;
            auto &field = member(settings);
            field = static_cast<std::remove_reference_t<decltype(field)>>(*number);
            return true;
          },
          [=](const Settings &settings) { return std::to_string(member(settings)); }};
}

template <class Settings, class Member>
Option<Settings> boolean(std::string key, std::string help, Member member) {
  return {std::move(key),
          "",
          ValueKind::boolean,
          "true or false",
          std::move(help),
          [=](Settings &settings, const std::string &value) {
            const auto parsed = parse_boolean(value);
            if (parsed) member(settings) = *parsed;
            return parsed.has_value();
          },
          [=](const Settings &settings) { return member(settings) ? "true" : "false"; }};
}

template <class Settings, class Member>
Option<Settings> duration(std::string key, std::string help, Member member,
                          std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
  return {std::move(key),
          "",
          ValueKind::text,
          "a duration from " + duration_text(least) + " to " + duration_text(most) +
              ", as \"500ms\", \"30s\" or \"2m\"",
          std::move(help),
          [=](Settings &settings, const std::string &value) {
            const auto parsed = parse_duration(value);
            if (!parsed || *parsed < least || *parsed > most) return false;
            member(settings) = *parsed;
            return true;
          },
          [=](const Settings &settings) { return duration_text(member(settings)); }};
}

Option<Config> hosts(std::string key, std::string flag, std::string help) {
  return {std::move(key),
          std::move(flag),
          ValueKind::list,
          "http://HOST[:PORT] or https://HOST[:PORT], without path or credentials (those go into "
          "password_file or api_key_file)",
          std::move(help),
          [](Config &config, const std::string &value) {
            const std::vector<std::string> urls = split_list(value);
            if (!std::all_of(urls.begin(), urls.end(), is_host_url)) return false;
            config.elasticsearch.hosts = urls;
            return true;
          },
          [](const Config &config) { return joined_list(config.elasticsearch.hosts); }};
}

bool is_anything(const std::string &) { return true; }

// A member access takes no parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define MEMBER(name) \
  [](auto &settings) -> auto & { return settings.name; }
// NOLINTEND(bugprone-macro-parentheses)

constexpr const char *kFile = "a path (a relative one: in $CREDENTIALS_DIRECTORY), or empty";

std::vector<Option<Config>> declare_options() {
  using C = Config;
  std::vector<Option<Config>> table = {
      choice<C>("source", "--source", "who grants blocks of ids", MEMBER(source),
                Choices<std::string>{{"elasticsearch", "elasticsearch"}, {"local", "local"}}),
      text<C>("runtime_dir", "--runtime-dir", "directory of the ring, on tmpfs",
              MEMBER(runtime_dir), "an absolute path", is_absolute_path),
      text<C>("state_dir", "--state-dir", "directory of the journal and the local store",
              MEMBER(state_dir), "an absolute path", is_absolute_path),
      text<C>("listen", "--listen", "read-only HTTP: status page, /metrics, /v1 GETs",
              MEMBER(listen), "ADDR:PORT, as 127.0.0.1:9469 or [::1]:9469; empty: off",
              is_listen_address),
      choice<C>("log_level", "--log-level", "the least severe that is logged", MEMBER(log_level),
                Choices<std::string>{{"trace", "trace"},
                                     {"debug", "debug"},
                                     {"info", "info"},
                                     {"warning", "warning"},
                                     {"error", "error"}}),

      hosts("elasticsearch.hosts", "--elasticsearch", "nodes of the cluster, with commas between"),
      text<C>("elasticsearch.index", "--index", "where the sequences are, an alias or an index",
              MEMBER(elasticsearch.index),
              "a name that Elasticsearch allows (lower case, at most 255 bytes, none of "
              "\\/*?\"<>| ,#:, not beginning with _, - or +)",
              is_index_name),
      boolean<C>("elasticsearch.create",
                 "create it when it is missing and this host has never seen it",
                 MEMBER(elasticsearch.create)),
      choice<C>("elasticsearch.allocation", "", "how a block is allocated",
                MEMBER(elasticsearch.allocation),
                Choices<std::string>{{"auto", "auto"}, {"cas", "cas"}, {"script", "script"}}),
      text<C>("elasticsearch.username", "", "basic authentication, with password_file",
              MEMBER(elasticsearch.username), "a user name, or empty", is_anything),
      text<C>("elasticsearch.password_file", "", "file that holds the password of username",
              MEMBER(elasticsearch.password_file), kFile, is_anything),
      text<C>("elasticsearch.api_key_file", "", "file that holds an encoded API key",
              MEMBER(elasticsearch.api_key_file), kFile, is_anything),
      text<C>("elasticsearch.ca_file", "", "certificate authorities, PEM",
              MEMBER(elasticsearch.ca_file), kFile, is_anything),
      text<C>("elasticsearch.cert_file", "", "client certificate, PEM, with key_file",
              MEMBER(elasticsearch.cert_file), kFile, is_anything),
      text<C>("elasticsearch.key_file", "", "private key of cert_file, PEM",
              MEMBER(elasticsearch.key_file), kFile, is_anything),
      text<C>("elasticsearch.ca_fingerprint", "", "SHA-256 of the authority, in place of ca_file",
              MEMBER(elasticsearch.ca_fingerprint),
              "64 hexadecimal digits, with or without colons, or empty", is_fingerprint),
      duration<C>("elasticsearch.request_timeout", "the whole time of one request",
                  MEMBER(elasticsearch.request_timeout), milliseconds(100), seconds(60)),
      duration<C>("elasticsearch.epoch_poll", "how soon a reset on another host is seen here",
                  MEMBER(elasticsearch.epoch_poll), milliseconds(100), seconds(60)),

      text<C>("control.admin_group", "", "administers, as root and the sidecar's own user do",
              MEMBER(control.admin_group), "a group, or empty", is_anything),
      choice<C>("control.reset", "", "who may reset; never binds root too", MEMBER(control.reset),
                Choices<ResetRight>{{"admin", ResetRight::admin},
                                    {"group", ResetRight::group},
                                    {"never", ResetRight::never}}),
      integer<C>("control.max_sequences", "the most sequences of this instance",
                 MEMBER(control.max_sequences), 1, 65536),
  };
  for (const Option<SequenceConfig> &option : sequence_options()) {
    table.push_back({"defaults." + option.key, option.flag, option.kind, option.accepts,
                     option.help,
                     [set = option.set](Config &config, const std::string &value) {
                       return set(config.defaults, value);
                     },
                     [get = option.get](const Config &config) { return get(config.defaults); }});
  }
  return table;
}

std::vector<Option<SequenceConfig>> declare_sequence_options() {
  using S = SequenceConfig;
  return {
      boolean<S>("auto_create", "members of the group may create it", MEMBER(auto_create)),
      duration<S>("cover", "how long the ring lasts when the source is away", MEMBER(cover),
                  seconds(1), seconds(3600)),
      integer<S>("min_block", "the smallest block of ids", MEMBER(min_block), 1, 16777216),
      integer<S>("max_block", "the largest block of ids", MEMBER(max_block), 1, 16777216),
      integer<S>("start", "the first id of a new sequence", MEMBER(progression.start), 1,
                 INT64_MAX),
      integer<S>("increment", "from one id to the next", MEMBER(progression.increment), 1,
                 INT32_MAX),
      integer<S>("max", "the last possible id", MEMBER(progression.max), 1, INT64_MAX),
      choice<S>("order", "", "where ids increase: on each host, or across the cluster",
                MEMBER(progression.order),
                Choices<Order>{{"host", Order::host}, {"cluster", Order::cluster}}),
  };
}

std::size_t edit_distance(const std::string &a, const std::string &b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string without_table(const std::string &key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

const std::vector<Option<Config>> &options() {
  static const std::vector<Option<Config>> table = declare_options();
  return table;
}

const std::vector<Option<SequenceConfig>> &sequence_options() {
  static const std::vector<Option<SequenceConfig>> table = declare_sequence_options();
  return table;
}

std::string environment_name(const std::string &key) {
  std::string name = "ESSEQUENCE_" + key;
  for (char &c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

std::string value_name(const Option<Config> &option) {
  std::string name;
  if (option.accepts.find(" | ") != std::string::npos) {
    for (const char c : option.accepts) name += c == ' ' ? "" : std::string(1, c);
    return name;
  }
  for (const char c : option.key.substr(option.key.find_last_of("._") + 1)) {
    name += static_cast<char>(std::toupper(c));
  }
  return name;
}

std::string nearest(const std::string &key, const std::vector<std::string> &known) {
  // A right key in a wrong table is near too.
  const auto distance = [&](const std::string &other) {
    return std::min(edit_distance(key, other),
                    edit_distance(without_table(key), without_table(other)) + 1);
  };
  return *std::min_element(known.begin(), known.end(),
                           [&](const auto &a, const auto &b) { return distance(a) < distance(b); });
}

}  // namespace essequence::sidecar
