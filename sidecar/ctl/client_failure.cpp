#include "sidecar/ctl/client_failure.hpp"

#include "sidecar/ctl/sidecar_request.hpp"

namespace essequence::ctl {
namespace {

Exit exit_of(essequence_status status, const std::string &runtime_dir) {
  switch (status) {
    case ESSEQUENCE_TIMEOUT:
      return Exit::no_id;
    case ESSEQUENCE_UNAVAILABLE:
      return is_reachable(runtime_dir) ? Exit::no_id : Exit::not_reachable;
    case ESSEQUENCE_DENIED:
      return Exit::not_permitted;
    case ESSEQUENCE_INVALID:
      return Exit::usage;
    default:
      return Exit::failed;
  }
}

}  // namespace

Stop client_failure(essequence_status status, const std::string &words, const Arguments &typed) {
  return {exit_of(status, typed.runtime_dir), "'" + typed.name + "': " + words};
}

}  // namespace essequence::ctl
