// essequencectl next: takes ids as any other client of the library does.
#include <essequence/essequence.h>

#include <algorithm>
#include <memory>

#include "sidecar/ctl/client_failure.hpp"
#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/time_limit.hpp"
#include "sidecar/ctl/verbs.hpp"

namespace essequence::ctl {
namespace {

// Ids that are taken and not yet written are lost if writing fails: few at a time.
constexpr std::uint32_t kIdsPerWrite = 4096;

void check(essequence_status status, const Arguments &typed) {
  if (status == ESSEQUENCE_OK) return;
  const std::string words = essequence_last_error();
  throw client_failure(status, essequence_status_text(status) + (": " + words), typed);
}

}  // namespace

void next(const Arguments &typed) {
  essequence_options options{};
  options.size = sizeof options;
  options.runtime_dir = typed.runtime_dir.c_str();
  // 0 would stand for the library's default.
  options.timeout_ns = std::max<std::int64_t>(time_limit(typed.timeout).count(), 1);
  essequence_sequence *opened = nullptr;
  check(essequence_open(typed.name.c_str(), &options, &opened), typed);
  const std::unique_ptr<essequence_sequence, void (*)(essequence_sequence *)> sequence(
      opened, essequence_close);
  for (std::uint64_t left = typed.count; left > 0;) {
    essequence_run run{};
    const auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, kIdsPerWrite));
    check(essequence_take(sequence.get(), wanted, &run), typed);
    std::string lines;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      lines += std::to_string(run.first + i * run.increment) + "\n";
    }
    print(lines);
    left -= run.count;
  }
}

}  // namespace essequence::ctl
