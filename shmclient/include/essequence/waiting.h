/* For bindings to other languages: a say in how long a call waits, while it waits. Part of the ABI,
 * beside essequence.h, which most callers need alone.
 */
#ifndef ESSEQUENCE_WAITING_H
#define ESSEQUENCE_WAITING_H

#include <essequence/essequence.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Asked by a call that is about to wait, and again at least every 100 ms while it does: for how
 * many nanoseconds more it may. 0 or less ends the call as its timeout would. A call that does not
 * wait never asks. So this is the place for timeouts of single calls, for a look at signals, and
 * for letting go of a lock that must not be held while waiting. Must not throw, and must not use
 * the sequence whose call is asking. It may fork: then the call goes on in both processes. */
typedef int64_t (*essequence_patience)(void *context);

/* Has this thread's calls ask `patience` besides their own timeout; NULL: ask nobody. */
ESSEQUENCE_API void essequence_set_patience(essequence_patience patience, void *context);

/* 1: its ids are given on request (order = "cluster"): each take waits for the sidecar's answer,
 * and try_next finds nothing. 0: they lie in the ring. */
ESSEQUENCE_API int essequence_on_request(essequence_sequence *sequence);

#ifdef __cplusplus
}
#endif
#endif
