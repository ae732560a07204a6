#include "sidecar/control/request_fields.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/refill/refusal.hpp"
#include "sidecar/shallow_json.hpp"

namespace essequence::sidecar {
namespace {

using nlohmann::json;

std::string as_text(const json &value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  constexpr std::size_t longest = 100;
  if (text.size() > longest) text = text.substr(0, longest) + "…";
  return text;
}

[[noreturn]] void refuse(const std::string &reason) { throw Refusal(400, "bad_request", reason); }

[[noreturn]] void refuse_value(const std::string &field, const json &value,
                               const std::string &accepted) {
  refuse("'" + field + "' is " + accepted + ", not " + as_text(value));
}

std::string text_in(const json &object, const std::string &outer, const std::string &inner) {
  const auto found = object.find(inner);
  if (found != object.end() && found->is_string() &&
      !found->get_ref<const std::string &>().empty()) {
    return found->get<std::string>();
  }
  refuse_value(outer, object, R"({"index": "…", "field": "…"})");
}

}  // namespace

RequestFields::RequestFields(const std::string &body)
    : body_(body.empty() ? json::object() : parse_shallow_json(body)) {
  if (body_.is_discarded()) refuse("the body is not valid JSON (or nests too deep)");
  if (!body_.is_object()) refuse("the body is a JSON object, not " + as_text(body_));
}

const json *RequestFields::find(const std::string &field) {
  known_.push_back(field);
  const auto found = body_.find(field);
  return found == body_.end() ? nullptr : &*found;
}

std::optional<std::int64_t> RequestFields::integer(const std::string &field, std::int64_t lowest,
                                                   std::int64_t highest) {
  const json *value = find(field);
  if (value == nullptr) return std::nullopt;
  // A positive integer is stored as unsigned, a negative one as signed, one past 64 bits as a
  // float.
  const bool fits = value->is_number_unsigned() ? value->get<std::uint64_t>() <= INT64_MAX
                                                : value->is_number_integer();
  if (!fits || value->get<std::int64_t>() < lowest || value->get<std::int64_t>() > highest) {
    refuse_value(field, *value,
                 "an integer from " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
  return value->get<std::int64_t>();
}

std::int64_t RequestFields::required_integer(const std::string &field, std::int64_t lowest,
                                             std::int64_t highest) {
  const auto value = integer(field, lowest, highest);
  if (value) return *value;
  refuse("'" + field + "' is missing: an integer from " + std::to_string(lowest) + " to " +
         std::to_string(highest));
}

std::optional<std::string> RequestFields::one_of(const std::string &field,
                                                 std::initializer_list<const char *> accepted) {
  const json *value = find(field);
  if (value == nullptr) return std::nullopt;
  std::string choices;
  for (const char *choice : accepted) {
    if (*value == choice) return choice;
    choices += (choices.empty() ? "\"" : " or \"") + std::string(choice) + "\"";
  }
  refuse_value(field, *value, choices);
}

bool RequestFields::flag(const std::string &field) {
  const json *value = find(field);
  if (value == nullptr) return false;
  if (!value->is_boolean()) refuse_value(field, *value, "true or false");
  return value->get<bool>();
}

std::optional<std::pair<std::string, std::string>> RequestFields::index_and_field(
    const std::string &field) {
  const json *value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object() || value->size() != 2) {
    refuse_value(field, *value, R"({"index": "…", "field": "…"})");
  }
  return std::pair(text_in(*value, field, "index"), text_in(*value, field, "field"));
}

void RequestFields::done() const {
  std::string accepted;
  for (const std::string &field : known_) accepted += (accepted.empty() ? "" : ", ") + field;
  for (const auto &[field, value] : body_.items()) {
    if (std::find(known_.begin(), known_.end(), field) != known_.end()) continue;
    refuse("unknown field " + as_text(field) +
           (known_.empty() ? "; this request takes none" : "; known are: " + accepted));
  }
}

}  // namespace essequence::sidecar
