#include "sidecar/ctl/sidecar_request.hpp"

#include <system_error>

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/plain_text.hpp"

namespace essequence::ctl {
namespace {

std::string socket_in(const std::string &runtime_dir) { return runtime_dir + "/control.sock"; }

Stop unreachable(const std::string &socket, const std::system_error &error) {
  if (error.code() == std::errc::permission_denied) {
    return {Exit::not_permitted,
            socket + ": " + error.code().message() +
                "; the socket is for the group of the runtime directory: join it, or use sudo"};
  }
  if (error.code() == std::errc::timed_out) {
    return {Exit::not_reachable,
            socket + ": no answer in time; what was asked for may have been done"};
  }
  if (error.code() == std::errc::no_such_file_or_directory ||
      error.code() == std::errc::connection_refused) {
    return {Exit::not_reachable,
            socket + ": " + error.code().message() +
                "; start essequenced, or name its directory with --runtime-dir"};
  }
  return {Exit::not_reachable, socket + ": " + error.what()};
}

Stop refused(const shm::ControlReply &reply) {
  const Json body = Json::parse(reply.body, nullptr, false);
  std::string words = "the sidecar answered status " + std::to_string(reply.status);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    const Json &error = body["error"];
    if (error.contains("reason") && error["reason"].is_string()) words = error["reason"];
  }
  return {reply.status == 403 ? Exit::not_permitted : Exit::failed, plain(words)};
}

shm::ControlReply reply_to(const std::string &runtime_dir, std::string_view method,
                           std::string_view target, std::string_view body,
                           Clock::time_point deadline) {
  const std::string socket = socket_in(runtime_dir);
  try {
    return shm::control_request(socket, method, target, body, deadline);
  } catch (const std::system_error &error) {
    throw unreachable(socket, error);
  }
}

std::string body_of(const shm::ControlReply &reply) {
  const bool done = reply.status == 200 || reply.status == 201 || reply.status == 207;
  if (!done) throw refused(reply);
  return reply.body;
}

}  // namespace

std::string ask(const std::string &runtime_dir, std::string_view method, std::string_view target,
                std::string_view body, Clock::time_point deadline) {
  return body_of(reply_to(runtime_dir, method, target, body, deadline));
}

std::optional<std::string> ask_if_there(const std::string &runtime_dir, std::string_view target) {
  const shm::ControlReply reply =
      reply_to(runtime_dir, "GET", target, "", Clock::now() + kRequestTime);
  return reply.status == 404 ? std::nullopt : std::optional(body_of(reply));
}

Json parsed(const std::string &body) {
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) throw Stop(Exit::failed, "the sidecar's reply is no JSON: " + plain(body));
  return json;
}

bool is_reachable(const std::string &runtime_dir) {
  try {
    shm::control_request(socket_in(runtime_dir), "GET", "/v1/status", "",
                         Clock::now() + std::chrono::seconds(2));
    return true;
  } catch (const std::system_error &) {
    return false;
  }
}

}  // namespace essequence::ctl
