#include "tests/bench/fleet/server.hpp"

#include "sidecar/allocation/elasticsearch/answer.hpp"

namespace essequence::fleet {

using namespace sidecar::elasticsearch;

sidecar::awaitable<std::uint64_t> Server::requests_served() {
  const Request request{"GET", "/_nodes/stats/http", ""};
  Heard heard = co_await http_.ask(request, Purpose::read);
  const Answer answer = read_answer(std::move(heard));
  std::uint64_t served = 0;
  if (!answer.succeeded()) co_return served;
  for (const Json &node : answer.body.at("nodes")) {
    const Json routes = node.at("http").value("routes", Json::object());
    for (const Json &route : routes)
      served += route.at("requests").at("count").get<std::uint64_t>();
  }
  co_return served;
}

sidecar::awaitable<void> Server::remove_index() {
  const Request request{"DELETE", "/" + index_, ""};
  co_await http_.ask(request, Purpose::write);
}

}  // namespace essequence::fleet
