#include "shmclient/src/sidecar_verbs.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "shmclient/src/control_client.hpp"
#include "shmclient/src/failure.hpp"
#include "shmclient/src/patience.hpp"

namespace essequence::shm {
namespace {

constexpr auto kRetryPause = std::chrono::milliseconds(20);

// A control request whose answer is not a success, as a status of the C interface.
Failure refused(const ControlReply &reply) {
  const auto body = nlohmann::json::parse(reply.body, nullptr, false);
  std::string type, words = "the sidecar answered status " + std::to_string(reply.status);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    type = body["error"].value("type", "");
    words = body["error"].value("reason", words);
  }
  switch (reply.status) {
    case 400:
      return {ESSEQUENCE_INVALID, words};
    case 403:
      return {type == "creation_not_permitted" ? ESSEQUENCE_NOT_FOUND : ESSEQUENCE_DENIED, words};
    case 404:
      return {ESSEQUENCE_NOT_FOUND, words};
    case 409:
      return {type == "sequence_fenced"      ? ESSEQUENCE_FENCED
              : type == "sequence_deleted"   ? ESSEQUENCE_NOT_FOUND
              : type == "sequence_exhausted" ? ESSEQUENCE_EXHAUSTED
                                             : ESSEQUENCE_UNAVAILABLE,
              words};
    case 503:
      return {ESSEQUENCE_UNAVAILABLE, words};
    case 504:
      return {ESSEQUENCE_TIMEOUT, words};
    default:
      return {ESSEQUENCE_SYSTEM, words};
  }
}

// `unanswered`: what it is if somebody listens, and no answer comes in time.
ControlReply request(const Place &place, std::string_view method, std::string_view verb,
                     const std::string &body, Clock::time_point deadline,
                     essequence_status unanswered) {
  const std::string socket = place.runtime_dir + "/control.sock";
  try {
    return control_request(socket, method, path_of_sequence(place.name) + std::string(verb), body,
                           deadline);
  } catch (const std::system_error &error) {
    if (error.code() == std::errc::permission_denied) {
      throw system_failure("connecting to " + socket, EACCES);
    }
    const bool nobody = error.code() == std::errc::no_such_file_or_directory ||
                        error.code() == std::errc::connection_refused;
    throw Failure(nobody ? ESSEQUENCE_UNAVAILABLE : unanswered,
                  socket + " does not answer: " + error.what() + " (is essequenced running?)");
  }
}

}  // namespace

void create(const Place &place, Clock::time_point deadline) {
  nlohmann::json body = nlohmann::json::object();
  if (place.bulk_size > 0) body["bulk_size"] = place.bulk_size;
  const ControlReply reply =
      request(place, "PUT", "", body.dump(), deadline, ESSEQUENCE_UNAVAILABLE);
  if (reply.status != 200 && reply.status != 201) throw refused(reply);
}

void reset_sequence(const Place &place, Clock::time_point deadline) {
  const ControlReply reply = request(place, "POST", "/reset", "", deadline, ESSEQUENCE_TIMEOUT);
  if (reply.status != 200) throw refused(reply);
}

essequence_run request_ids(const Place &place, std::uint32_t wanted, Clock::time_point deadline) {
  const std::string body = nlohmann::json{{"count", wanted}}.dump();
  for (;;) {
    try {
      const ControlReply reply =
          request(place, "POST", "/take", body, deadline, ESSEQUENCE_UNAVAILABLE);
      if (reply.status != 200) throw refused(reply);
      const auto run = nlohmann::json::parse(reply.body);
      return {run.at("first"), run.at("increment"), run.at("epoch"), run.at("count"), 0};
    } catch (const nlohmann::json::exception &error) {
      throw Failure(ESSEQUENCE_SYSTEM, std::string("the sidecar's answer: ") + error.what());
    } catch (const Failure &failure) {
      const bool may_pass = failure.status() == ESSEQUENCE_UNAVAILABLE ||  // or a lost block: a gap
                            failure.status() == ESSEQUENCE_TIMEOUT;
      if (!may_pass || time_left(deadline) <= kRetryPause) throw;
    }
    sleep_for(kRetryPause);
  }
}

}  // namespace essequence::shm
