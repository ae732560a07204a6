// What each request does, once it is known to be permitted.
#pragma once

#include <map>
#include <string>

#include "sidecar/control/http_connection.hpp"
#include "sidecar/control/request_fields.hpp"
#include "sidecar/control/routes.hpp"
#include "sidecar/refill/supply.hpp"

namespace essequence::sidecar {

// One request, matched to its route. What the pointers name outlives it.
struct Call {
  Supply *supply;
  const DaemonFacts *facts;
  const Reload *reload;
  CostlyTexts *costly;
  Overview *overview;
  std::string target;
  std::string name;  // of the sequence in the path, valid; empty where there is none
  std::map<std::string, std::string> parameters;
  RequestFields fields;
  std::shared_ptr<Interruption> interruption;
};

// Throws Refusal.
using Handler = awaitable<HttpReply> (*)(Call);

awaitable<HttpReply> show_page(Call);
awaitable<HttpReply> show_health(Call);
awaitable<HttpReply> show_metrics(Call);
awaitable<HttpReply> show_status(Call);
awaitable<HttpReply> show_overview(Call);
awaitable<HttpReply> list_sequences(Call);
awaitable<HttpReply> show_sequence(Call);
awaitable<HttpReply> open_sequence(Call);
awaitable<HttpReply> delete_sequence(Call);
awaitable<HttpReply> reset_sequence(Call);
awaitable<HttpReply> raise_sequence(Call);
awaitable<HttpReply> unfence_sequence(Call);
awaitable<HttpReply> take_ids(Call);
awaitable<HttpReply> list_blocks(Call);
awaitable<HttpReply> reset_all(Call);
awaitable<HttpReply> burn_all(Call);
awaitable<HttpReply> reload_config(Call);

}  // namespace essequence::sidecar
