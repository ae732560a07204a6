#include "sidecar/config/options.hpp"

#include <algorithm>
#include <map>
#include <type_traits>

#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What makes an option of one kind. `member` gives the field of (const) settings.

template <class Settings, class Member>
Option<Settings> text(std::string key, std::string help, Member member, std::string accepts,
                      bool may_be_empty) {
  return {std::move(key), ValueKind::text, std::move(accepts), std::move(help),
          [=](Settings &settings, const std::string &value) {
            if (value.empty() && !may_be_empty) return false;
            member(settings) = value;
            return true;
          },
          [=](const Settings &settings) { return member(settings); }};
}

template <class Settings, class Member, class Value>
Option<Settings> choice(std::string key, std::string help, Member member,
                        std::map<std::string, Value> values) {
  std::string accepts;
  for (const auto &[name, value] : values) accepts += (accepts.empty() ? "" : ", ") + name;
  return {std::move(key), ValueKind::text, "one of " + accepts, std::move(help),
          [=](Settings &settings, const std::string &value) {
            const auto found = values.find(value);
            if (found == values.end()) return false;
            member(settings) = found->second;
            return true;
          },
          [=](const Settings &settings) {
            for (const auto &[name, value] : values) {
              if (value == member(settings)) return name;
            }
            return std::string();
          }};
}

template <class Settings, class Member>
Option<Settings> integer(std::string key, std::string help, Member member, std::int64_t least,
                         std::int64_t most) {
  return {std::move(key), ValueKind::integer,
          "an integer from " + std::to_string(least) + " to " + std::to_string(most), std::move(help),
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
  return {std::move(key), ValueKind::boolean, "true or false", std::move(help),
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
  return {std::move(key), ValueKind::text,
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

#define MEMBER(name) [](auto &settings) -> auto & { return settings.name; }

}  // namespace

const std::vector<Option<Config>> &options() {
  using C = Config;
  static const std::vector<Option<Config>> table = {
      choice<C>("source", "who grants blocks of ids", MEMBER(source),
                std::map<std::string, std::string>{{"elasticsearch", "elasticsearch"},
                                                   {"local", "local"}}),
      text<C>("runtime_dir", "directory of the ring, on tmpfs", MEMBER(runtime_dir),
              "an absolute path", false),
      text<C>("state_dir", "directory of the journal and the local store", MEMBER(state_dir),
              "an absolute path", false),
      text<C>("listen", "read-only HTTP; empty: off", MEMBER(listen), "ADDR:PORT, or empty", true),
      choice<C>("log_level", "least severe level that is logged", MEMBER(log_level),
                std::map<std::string, std::string>{{"trace", "trace"},
                                                   {"debug", "debug"},
                                                   {"info", "info"},
                                                   {"warning", "warning"},
                                                   {"error", "error"}}),
      {"elasticsearch.hosts", ValueKind::list, "URLs as https://host:9200, separated by commas",
       "the nodes of the cluster",
       [](C &config, const std::string &value) {
         config.elasticsearch.hosts = split_list(value);
         return true;
       },
       [](const C &config) { return joined_list(config.elasticsearch.hosts); }},
      text<C>("elasticsearch.index", "an alias or an index", MEMBER(elasticsearch.index),
              "the name of an index", false),
      boolean<C>("elasticsearch.create",
                 "create the index when it is missing and this host has never seen it",
                 MEMBER(elasticsearch.create)),
      choice<C>("elasticsearch.allocation", "how a block is allocated",
                MEMBER(elasticsearch.allocation),
                std::map<std::string, std::string>{
                    {"auto", "auto"}, {"cas", "cas"}, {"script", "script"}}),
      text<C>("elasticsearch.username", "basic authentication", MEMBER(elasticsearch.username),
              "a user name", true),
      text<C>("elasticsearch.password_file", "file that holds its password",
              MEMBER(elasticsearch.password_file), "a path", true),
      text<C>("elasticsearch.api_key_file", "file that holds an encoded API key",
              MEMBER(elasticsearch.api_key_file), "a path", true),
      text<C>("elasticsearch.ca_file", "certificate authorities, PEM",
              MEMBER(elasticsearch.ca_file), "a path", true),
      text<C>("elasticsearch.cert_file", "client certificate, PEM",
              MEMBER(elasticsearch.cert_file), "a path", true),
      text<C>("elasticsearch.key_file", "its private key, PEM", MEMBER(elasticsearch.key_file),
              "a path", true),
      text<C>("elasticsearch.ca_fingerprint", "SHA-256 of the authority, in hexadecimal",
              MEMBER(elasticsearch.ca_fingerprint), "64 hexadecimal digits", true),
      duration<C>("elasticsearch.request_timeout", "whole time of one request",
                  MEMBER(elasticsearch.request_timeout), milliseconds(100), seconds(60)),
      duration<C>("elasticsearch.epoch_poll", "how soon resets elsewhere are seen",
                  MEMBER(elasticsearch.epoch_poll), milliseconds(100), seconds(60)),
      text<C>("control.admin_group", "who may administer, besides root and the sidecar's own user",
              MEMBER(control.admin_group), "the name of a group", true),
      choice<C>("control.reset", "who may reset", MEMBER(control.reset),
                std::map<std::string, ResetRight>{{"admin", ResetRight::admin},
                                                  {"group", ResetRight::group},
                                                  {"never", ResetRight::never}}),
      integer<C>("control.max_sequences", "most sequences of this instance",
                 MEMBER(control.max_sequences), 1, 65536),
  };
  return table;
}

const std::vector<Option<SequenceConfig>> &sequence_options() {
  using S = SequenceConfig;
  static const std::vector<Option<SequenceConfig>> table = {
      boolean<S>("auto_create", "whether the group may create sequences", MEMBER(auto_create)),
      duration<S>("cover", "how long the ring lasts when the source is away", MEMBER(cover),
                  seconds(1), seconds(3600)),
      integer<S>("min_block", "smallest block", MEMBER(min_block), 1, 16777216),
      integer<S>("max_block", "largest block", MEMBER(max_block), 1, 16777216),
      integer<S>("start", "first id of a new sequence", MEMBER(progression.start), 1, INT64_MAX),
      integer<S>("increment", "distance between its ids", MEMBER(progression.increment), 1,
                 INT32_MAX),
      integer<S>("max", "its last possible id", MEMBER(progression.max), 1, INT64_MAX),
      choice<S>("order", "where ids increase: on each host, or in the whole cluster",
                MEMBER(progression.order),
                std::map<std::string, Order>{{"host", Order::host}, {"cluster", Order::cluster}}),
  };
  return table;
}

std::string environment_name(const std::string &key) {
  std::string name = "ESSEQUENCE_" + key;
  for (char &c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(c));
  return name;
}

std::string unknown_key(const std::string &key, const std::vector<std::string> &known) {
  std::string words = "unknown key " + key;
  std::size_t nearest = 4;  // farther is no typing error
  for (const std::string &candidate : known) {
    const std::size_t distance = edit_distance(key, candidate);
    if (distance >= nearest) continue;
    nearest = distance;
    words = "unknown key " + key + " (is " + candidate + " meant?)";
  }
  return words;
}

}  // namespace essequence::sidecar
