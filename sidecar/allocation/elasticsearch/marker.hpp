// The marker: a document beside those of the sequences, whose `iid` is the counter of changes.
#pragma once

namespace essequence::sidecar::elasticsearch {

// No sequence can have it: their names do not begin with an underscore.
constexpr const char *kMarkerName = "_essequence";

}  // namespace essequence::sidecar::elasticsearch
