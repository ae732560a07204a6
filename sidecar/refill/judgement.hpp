// Whether what the source says of a sequence can be true, given what this host has seen before.
// Pure functions: the whole of "fails closed" (promise 6) in one place.
#pragma once

#include <string>

#include "sidecar/journal/journal.hpp"

namespace essequence::sidecar {

struct Judgement {
  enum class Kind {
    consistent,  // go on
    new_epoch,   // reset elsewhere: follow
    replaced,    // an unfence elsewhere declared this host's origin superseded: follow
    impossible,  // the source went back in time, or is another one: fence
  };
  Kind kind;
  std::string cause;  // of `impossible`, in words
};

// `place`: what an index is called in the cause, "Elasticsearch index" or "local store".
Judgement judge(const Pin &pin, const Standing &standing, const std::string &place);

// Whether an unfence covers this fenced host: the document carried the fence and does so no more,
// or declares this host's origin and index replaced; its floor shows that this host's mark was
// taken into account, and it grants above that mark.
bool covers(const Standing &standing, const Pin &pin);

// The largest value at or above `above` - increment of the kind that `iid` can have, so that the
// next id is the first of the progression above `above`. Saturates at the progression's last value.
std::int64_t iid_for_above(const Progression &progression, std::int64_t above);

// How many ids follow `iid` up to max.
std::uint64_t ids_after(const Progression &progression, std::int64_t iid);

// start - increment: iid before the first grant.
std::int64_t iid_before_first(const Progression &progression);

}  // namespace essequence::sidecar
