// The JSON body of a request, read strictly: a field that is unknown, of the wrong type or out of
// range is refused with its name, its value and what is accepted. Each field is named once, where
// it is read.
//
// Throws Refusal 400.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace essequence::sidecar {

class RequestFields {
 public:
  // `body`: a JSON object; nothing at all stands for {}.
  explicit RequestFields(const std::string &body);

  // Exact: 1.0 and 1e3 are not integers.
  std::optional<std::int64_t> integer(const std::string &field, std::int64_t lowest,
                                      std::int64_t highest = INT64_MAX);
  std::int64_t required_integer(const std::string &field, std::int64_t lowest,
                                std::int64_t highest = INT64_MAX);
  std::optional<std::string> one_of(const std::string &field,
                                    std::initializer_list<const char *> accepted);
  bool flag(const std::string &field);
  // {"index": "…", "field": "…"}
  std::optional<std::pair<std::string, std::string>> index_and_field(const std::string &field);

  // Refuses the fields that nobody has asked for.
  void done() const;

 private:
  const nlohmann::json *find(const std::string &field);

  nlohmann::json body_;
  std::vector<std::string> known_;
};

}  // namespace essequence::sidecar
