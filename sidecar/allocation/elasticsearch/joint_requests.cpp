#include "sidecar/allocation/elasticsearch/joint_requests.hpp"

#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/elasticsearch/path.hpp"

namespace essequence::sidecar::elasticsearch {
namespace {

// What all answers have in common; not the body, which holds all of them.
Answer begun_like(const Answer &whole) {
  Answer answer;
  answer.host = whole.host;
  answer.status = whole.status;
  answer.sent_twice = whole.sent_twice;
  answer.cause = whole.cause;
  return answer;
}

// One of "docs": a GET answers 404 where it is not found.
Answer answer_of_doc(const Answer &whole, const Json &doc) {
  Answer answer = begun_like(whole);
  answer.body = doc;
  const auto error = doc.find("error");
  if (error != doc.end()) {
    answer.cause = words_of_error(*error, answer.error_type);
    answer.status = answer.error_type == "index_not_found_exception" ? 404 : 500;
  } else if (field(doc, "found") != true) {
    answer.status = 404;
  }
  return answer;
}

// One of "items": {"update": {"status": …, and what an _update answers}}.
Answer answer_of_item(const Answer &whole, const Json &item) {
  Answer answer = begun_like(whole);
  answer.body = field(item, "update");
  answer.status = static_cast<int>(integer_field(answer.body, "status", 100) % 1000);
  if (const auto error = answer.body.find("error"); error != answer.body.end()) {
    const std::string words = words_of_error(*error, answer.error_type);
    answer.cause = cause_of(answer.status, words);
  }
  return answer;
}

}  // namespace

Request get_request(const std::string &index, const std::vector<std::string> &names) {
  if (names.size() == 1) return {"GET", path_of(index, "_doc", names[0]), ""};
  Json ids = Json::object();
  ids["ids"] = names;
  return {"POST", "/" + percent_encoded(index) + "/_mget", ids.dump()};
}

Request update_request(const std::string &index, const std::vector<Update> &updates,
                       const std::string &parameters) {
  const std::string query = "?_source=true&" + parameters;
  if (updates.size() == 1) {
    const Update &update = updates[0];
    std::string path = path_of(index, "_update", update.name) + query;
    for (const auto &[key, value] : update.condition.items())
      path += "&" + key + "=" + value.dump();
    return {"POST", path, update.body.dump()};
  }
  std::string lines;
  for (const Update &update : updates) {
    Json target = update.condition;
    target["_id"] = update.name;
    Json action = Json::object();
    action["update"] = target;
    lines += action.dump() + "\n" + update.body.dump() + "\n";
  }
  return {"POST", "/" + percent_encoded(index) + "/_bulk" + query, lines};
}

std::vector<Answer> answers_of_each(const Answer &whole, std::size_t count) {
  if (count == 1 || !whole.succeeded()) return std::vector<Answer>(count, whole);
  std::vector<Answer> answers;
  try {
    const bool read = whole.body.contains("docs");
    const Json &list = field(whole.body, read ? "docs" : "items");
    if (!list.is_array() || list.size() != count) {
      throw Malformed("the reply has not one answer for each document");
    }
    for (const Json &one : list) {
      answers.push_back(read ? answer_of_doc(whole, one) : answer_of_item(whole, one));
    }
  } catch (const Malformed &e) {
    Answer odd = whole;
    odd.status = 0;  // as good as no reply
    odd.cause = e.what();
    return std::vector<Answer>(count, odd);
  }
  return answers;
}

}  // namespace essequence::sidecar::elasticsearch
