#include "tests/protocol/schedule/survivors.hpp"

namespace essequence::protocol {
namespace {

struct Survivor {
  const char *file;
  const char *text;  // in the line
  Fault fault;
  const char *why;
};

constexpr const char *kPlain =
    "what it orders is plain memory, which this machine always shows as it is; TSan watches it";
constexpr const char *kKill =
    "it orders what a kill leaves behind, not what takers see; the crash points watch it";

constexpr Survivor kSurvivors[] = {
    {"block.hpp", "checked(block->end <= filled_end)", Fault::left_out,
     "no committed ticket lies in a block that is not, but in damaged memory; flipped_client_test"},
    {"open_sequence.hpp", "last.fetch_add(1", Fault::torn,
     "no play opens two handles at the same moment, for rings with the same tickets"},
    {"sequence.cpp", "last.fetch_add(1", Fault::torn,
     "two handles may share a token: a lease compares its own handle's"},
    {"sequence.cpp", "attached_.load(std::memory_order_acquire)", Fault::relaxed, kPlain},
    {"sequence.cpp", "attached_.store(ring.release()", Fault::relaxed, kPlain},
    {"sequence.cpp", "attaching.exchange(1", Fault::relaxed, kPlain},
    {"sequence.cpp", "word.store(0, std::memory_order_release)", Fault::relaxed, kPlain},
    {"sequence.cpp", "compare_exchange_n(&window.token", Fault::relaxed,
     "hardly a schedule comes to it: the ring's own acquires mostly order the cut too"},
    {"sequence.cpp", "page_->process.compare_exchange_strong(", Fault::torn,
     "two threads of a child: a ticket that was claimed between the two is forgotten, a gap"},
    {"sequence.cpp", "compare_exchange_n(&window.token", Fault::torn,
     "the second token only drops a lease that was taken under the first"},
    {"sequence.cpp", "const std::uint64_t filled_end = ring.entry()", Fault::relaxed,
     "try_claim looks again for a record that it does not see yet"},
    {"sequence.cpp", "dropped.fetch_add(1", Fault::torn,
     "what clients say of themselves: advisory"},
    {"slot.cpp", "entry_.wake.fetch_add(1", Fault::torn, "nobody else writes it"},
    {"slot.cpp", "entry_.intent.to.store(to, std::memory_order_release)", Fault::relaxed, kKill},
    {"sequence.cpp", "std::uint64_t filled_end = ring.entry().filled_end.load(", Fault::relaxed,
     "what goes wrong is rare, and a gap: a record that is not seen yet is taken for one that is "
     "gone"},
    {"sequence.cpp", "filled_end = ring.entry().filled_end.load(", Fault::relaxed,
     "what goes wrong is rare, and a gap: a record that is not seen yet is taken for one that is "
     "gone"},
    {"sequence.cpp", "const std::uint32_t token = __atomic_load_n(&page_->window.token",
     Fault::relaxed,
     "hardly a schedule comes to it: the ring's own acquires mostly order the cut too"},
    {"sequence.cpp", "__atomic_store_n(&page_->window.token, new_token()", Fault::relaxed, kPlain},
    {"sequence.cpp", "__atomic_compare_exchange_n(&window.cut", Fault::torn,
     "two threads of a child store the same, unless one has moved to a new ring in between"},
    {"sequence.cpp", "__atomic_store_n(&page_->window.cut", Fault::relaxed,
     "hardly a schedule comes to it: a lease over a move, and only the token still the old one"},
    {"essequence.hpp", "__atomic_load_n(&window->cut, __ATOMIC_ACQUIRE)", Fault::relaxed,
     "hardly a schedule comes to it: a lease over a move, and only the token still the old one"},
    {"slot.cpp", "entry_.intent.to.store(0, std::memory_order_release)", Fault::relaxed,
     "hardly a schedule comes to it: a sidecar killed after the commit of a cut, and a taker past "
     "it"},
    {"window.hpp", "__atomic_load_n(&window.ended", Fault::relaxed,
     "hardly a schedule comes to it: a mixture of two moves, each by a thread that saw half"},
    {"waiting.cpp", "ring.heartbeat.exchange(", Fault::torn,
     "two threads watch the same heartbeat, and either may note it"},
};

}  // namespace

std::optional<std::string> why_it_survives(const Mutant &mutant) {
  for (const Survivor &survivor : kSurvivors) {
    if (mutant.file == survivor.file && mutant.fault == survivor.fault &&
        mutant.text.find(survivor.text) != std::string::npos) {
      return survivor.why;
    }
  }
  return std::nullopt;
}

}  // namespace essequence::protocol
