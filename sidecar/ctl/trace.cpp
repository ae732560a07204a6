// essequencectl trace: what became of an id, as far as this host knows.
#include <algorithm>
#include <optional>

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/text_table.hpp"
#include "sidecar/ctl/verbs.hpp"
#include "sidecar/plain_text.hpp"

namespace essequence::ctl {
namespace {

// nullopt: it is not open, so it was deleted or never was.
std::optional<Json> sequence_of(const Arguments &typed) {
  const auto reply = ask_if_there(typed.runtime_dir, shm::path_of_sequence(typed.name));
  return reply ? std::optional(parsed(*reply)) : std::nullopt;
}

// Of a block that is in the ring, or was until it was used up.
std::string published(const Arguments &typed, const Json &sequence) {
  const Json next = sequence.value("next_id", Json());
  const bool ready = next.is_number_integer() && next.get<std::int64_t>() <= typed.id;
  return ready ? "ready in the ring, and not taken yet" : "taken";
}

std::string fate_of(const Json &block, const Arguments &typed,
                    const std::optional<Json> &sequence) {
  std::string fate = block.value("fate", "");
  const bool current = sequence && sequence->value("epoch", 0U) == block.value("epoch", 0U);
  if (fate == "published" && current) return published(typed, *sequence);
  if (fate == "published") return "laid into the ring";
  if (fate == "taken") return "taken";
  if (fate == "granted") return "not laid into the ring yet";
  if (fate == "burnt_reset") return "burnt by a reset, if it had not been taken before";
  if (fate == "burnt_raise") return "burnt by a raise, if it had not been taken before";
  if (fate == "burnt_fence") return "burnt by a fence, if it had not been taken before";
  if (fate == "burnt_ring") return "lost with its ring, if it had not been taken before";
  return fate;
}

std::string told(const Json &block, const Arguments &typed, const std::optional<Json> &sequence) {
  const auto word = [&block](const char *field) { return as_word(block.value(field, Json())); };
  return std::to_string(typed.id) + ": granted to this host at " + word("granted_at") +
         " in the block from " + word("first") + " to " + word("last") + " of epoch " +
         word("epoch") + "; " + fate_of(block, typed, sequence) + "\n";
}

// Why no block of this host holds it.
std::string unknown(const Arguments &typed, const Json &sequence) {
  const auto number = [&sequence](const char *field) {
    return sequence.value(field, std::int64_t{0});
  };
  const std::int64_t start = number("start");
  const std::int64_t increment = std::max<std::int64_t>(number("increment"), 1);
  const std::string id = std::to_string(typed.id) + ": ";
  if (typed.id < start || typed.id > number("max") || (typed.id - start) % increment != 0) {
    return id + "no id of this sequence, which goes from " + std::to_string(start) + " to " +
           std::to_string(number("max")) + " by " + std::to_string(increment) + "\n";
  }
  if (typed.id > number("high_water")) {
    return id + "not granted to any host yet, as far as this one has seen (high_water " +
           std::to_string(number("high_water")) + ", epoch " +
           as_word(sequence.value("epoch", Json())) + ")\n";
  }
  return id +
         "not granted to this host: to another one, or skipped by a raise or an unfence; or "
         "so long ago that the journal does not hold it any more\n";
}

std::string people_read(const Arguments &typed, const Json &blocks) {
  const std::optional<Json> sequence = sequence_of(typed);
  const std::string name = "'" + plain(typed.name) + "'";
  std::string text;
  for (const Json &block : blocks) text += told(block, typed, sequence);
  if (!sequence && blocks.empty()) {
    throw Stop(Exit::failed, name + " is not open here, and the journal has no block of it with " +
                                 std::to_string(typed.id));
  }
  if (!sequence) return text + name + " is not open here any more\n";
  const bool earlier =
      !blocks.empty() && blocks[0].value("epoch", 0U) < sequence->value("epoch", 0U);
  if (earlier) text += name + " is in epoch " + as_word((*sequence)["epoch"]) + " now\n";
  return blocks.empty() ? unknown(typed, *sequence) : text;
}

}  // namespace

void trace(const Arguments &typed) {
  const std::string path =
      shm::path_of_sequence(typed.name) + "/blocks?id=" + std::to_string(typed.id);
  const std::string reply = ask(typed.runtime_dir, "GET", path);
  print(typed.json ? reply : people_read(typed, parsed(reply).value("blocks", Json::array())));
}

}  // namespace essequence::ctl
