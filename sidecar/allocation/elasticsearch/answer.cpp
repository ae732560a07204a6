#include "sidecar/allocation/elasticsearch/answer.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/shallow_json.hpp"

namespace essequence::sidecar::elasticsearch {
namespace {

constexpr std::size_t kLongestCause = 400;

constexpr const char *kFullDisk = "flood-stage";

std::string text_at(const Json &object, const char *key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// A remote text for people: no control characters, and not without end.
std::string tamed(std::string text) {
  if (text.size() > kLongestCause) {
    std::size_t end = kLongestCause;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += "…";
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

std::string way_out(int status, const std::string &words) {
  if (status == 401) return "; check username and password_file, or api_key_file";
  if (words.find(kFullDisk) != std::string::npos) {
    return "; the disk of Elasticsearch is full: free space on it";
  }
  if (words.find("cluster_block_exception") != std::string::npos) {
    return "; the index or the cluster refuses writes";
  }
  const bool unfit_mapping = words.find("document_parsing_exception") != std::string::npos ||
                             words.find("mapper_parsing_exception") != std::string::npos ||
                             words.find("strict_dynamic_mapping_exception") != std::string::npos;
  if (unfit_mapping) return "; the index lacks the mapping that essequencectl provision gives it";
  // Elasticsearch itself names the privileges that would do.
  const bool told = words.find("granted by") != std::string::npos;
  if (status == 403 && !told) {
    return "; the role needs read and index on the index (delete to remove)";
  }
  if (status >= 300 && status < 400) {
    return "; redirects are not followed: configure the address of Elasticsearch itself";
  }
  return "";
}

}  // namespace

bool Answer::absent_document() const {
  if (status != 404 || !body.is_object()) return false;
  const auto found = body.find("found");
  return (found != body.end() && *found == false) || text_at(body, "result") == "not_found" ||
         error_type == "document_missing_exception";
}

bool Answer::full_disk() const {
  return error_type == "cluster_block_exception" && cause.find(kFullDisk) != std::string::npos;
}

std::string words_of_error(const Json &error, std::string &type) {
  if (error.is_string()) {
    type = "error";
    return tamed(error.get<std::string>());
  }
  if (!error.is_object()) return "an error in no known form";
  type = text_at(error, "type");
  if (type.empty()) type = "error";
  std::string words = type + ": " + text_at(error, "reason");
  const auto cause = error.find("caused_by");
  if (cause != error.end() && cause->is_object()) words += ": " + text_at(*cause, "reason");
  return tamed(words);
}

Answer read_answer(Heard heard) {
  Answer answer;
  answer.host = std::move(heard.host);
  answer.body = Json(Json::value_t::discarded);
  if (const auto *failure = std::get_if<Failure>(&heard.outcome)) {
    answer.certainly_not_sent = failure->certainly_not_sent;
    answer.cause = tamed(failure->cause);
    return answer;
  }
  const auto &reply = std::get<Reply>(heard.outcome);
  answer.status = reply.status;
  answer.sent_twice = reply.sent_twice;
  answer.body = parse_shallow_json(reply.body);
  std::string words;
  if (!answer.body.is_object()) {
    const bool html = reply.body.find_first_not_of(" \r\n\t") != std::string::npos &&
                      reply.body[reply.body.find_first_not_of(" \r\n\t")] == '<';
    words = reply.body.empty() ? "an empty reply"
            : html             ? "the reply is HTML: is this a proxy, and not Elasticsearch?"
                               : "the reply is not a complete JSON object";
  } else if (const auto error = answer.body.find("error"); error != answer.body.end()) {
    words = words_of_error(*error, answer.error_type);
  }
  answer.cause = cause_of(reply.status, words);
  return answer;
}

std::string cause_of(int status, const std::string &words) {
  const std::string cause = "HTTP " + std::to_string(status);
  return cause + (words.empty() ? "" : ", " + words) + way_out(status, words);
}

SourceError::Kind kind_of(const Answer &answer, Purpose purpose) {
  using Kind = SourceError::Kind;
  // It is about the second time: the first one may have been acted on, and be what it met.
  if (purpose == Purpose::write && answer.sent_twice) return Kind::unknown;
  if (answer.absent_index() || answer.absent_document()) return Kind::missing;
  if (purpose == Purpose::read) return Kind::not_applied;
  if (answer.status == 0) return answer.certainly_not_sent ? Kind::not_applied : Kind::unknown;
  if (answer.conflict()) return Kind::conflict;
  // 408 is what a proxy says when it gave up on a request that it may have passed on.
  const bool refused = answer.status >= 300 && answer.status < 500 && answer.status != 408;
  return refused ? Kind::not_applied : Kind::unknown;
}

}  // namespace essequence::sidecar::elasticsearch
