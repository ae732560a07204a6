// essequencectl doctor: whether this host offers what is needed, and what to do where it does not.
#include "sidecar/ctl/examination.hpp"
#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/text_table.hpp"

namespace essequence::ctl {
namespace {

const char *word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warn:
      return "warn";
    case Verdict::fail:
      break;
  }
  return "fail";
}

}  // namespace

void doctor(const Arguments &typed) {
  Examined examined;
  examined.runtime_dir = typed.runtime_dir;
  Json rows = Json::array();
  int failed = 0;
  for (const auto *checks : {&kFileChecks, &kKernelChecks, &kSidecarChecks}) {
    for (const Check &check : *checks) {
      const std::optional<Finding> finding = check.look(examined);
      if (!finding) continue;
      if (finding->verdict == Verdict::fail) ++failed;
      rows.push_back({{"check", check.name},
                      {"verdict", word_of(finding->verdict)},
                      {"found", finding->found},
                      {"advice", finding->advice}});
    }
  }
  const Json result = {{"healthy", failed == 0}, {"checks", rows}};
  print(typed.json ? as_line(result)
                   : table({{"VERDICT", "verdict"},
                            {"CHECK", "check"},
                            {"FOUND", "found"},
                            {"WHAT TO DO", "advice"}},
                           rows));
  if (failed > 0) throw Stop(Exit::failed, std::to_string(failed) + " of the checks failed");
}

}  // namespace essequence::ctl
