/* The inline fast path of a take, and the one struct it touches. Part of the ABI: what stands here
 * does not depend on the layout of the shared memory and does not change within a SONAME. Callers
 * use essequence.h or essequence.hpp, which stand on this.
 *
 * THREAD SAFETY: any number of threads, beside any number of processes. All members are accessed
 * atomically.
 *
 * INVARIANTS
 * 1. A ticket belongs to whoever claimed it by the fetch-and-add, to nobody else. So two takes
 * never see the same ticket, whatever the order of the other accesses.
 * 2. While `sequence` is even and unchanged, {counter, begin, length, base, increment} belong
 *    together: for begin ≤ t < begin + length the id of ticket t of `counter` is
 *    base + (t − begin) × increment, now and for ever.
 * 3. A forked child finds the struct zero (MADV_WIPEONFORK), hence counter NULL and token 0.
 */
#ifndef ESSEQUENCE_WINDOW_H
#define ESSEQUENCE_WINDOW_H

#include <essequence/essequence.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint32_t sequence;   /* odd while the window is being changed */
  uint32_t token;      /* not zero, and another one after a fork: whose a lease is */
  uint64_t *counter;   /* the ticket counter that the window belongs to */
  uint64_t begin;      /* first ticket of the window */
  uint64_t length;     /* tickets in the window */
  int64_t base;        /* id of ticket `begin` */
  int64_t increment;   /* distance between ids */
  const uint64_t *cut; /* no ticket below *cut is served any more */
} essequence_window;

/* The window of an open sequence; lives as long as the sequence. */
ESSEQUENCE_API essequence_window *essequence_get_window(essequence_sequence *sequence);

/* The id of `ticket`, claimed from `counter`: looks it up, or waits for it, or takes another one.
 * counter NULL: nothing was claimed yet. */
ESSEQUENCE_API essequence_status essequence_resolve(essequence_sequence *sequence,
                                                    uint64_t *counter, uint64_t ticket,
                                                    int64_t *id);

/* As essequence_take, and says which ticket the run begins with and under which token it was taken:
 * what a lease needs to see a cut and a fork. */
ESSEQUENCE_API essequence_status essequence_lease(essequence_sequence *sequence, uint32_t wanted,
                                                  essequence_run *run, uint64_t *first_ticket,
                                                  uint32_t *token);

/* Claims a ticket and sees whether the window knows its id. Returns 1 and the id, or 0 and what was
 * claimed, for essequence_resolve. */
static inline int essequence_window_next(essequence_window *window, int64_t *id, uint64_t **counter,
                                         uint64_t *ticket) {
  /* The acquire pairs with the release that ends a change of the window (src/window.hpp). */
  const uint32_t sequence = __atomic_load_n(&window->sequence, __ATOMIC_ACQUIRE);
  uint64_t offset, length, base, increment;
  *counter = __atomic_load_n(&window->counter, __ATOMIC_RELAXED);
  if (__builtin_expect(*counter == NULL, 0)) return 0;
  /* Relaxed is enough: by invariant 1 the read-modify-write alone makes the ticket ours. */
  *ticket = __atomic_fetch_add(*counter, 1, __ATOMIC_RELAXED);
  offset = *ticket - __atomic_load_n(&window->begin, __ATOMIC_RELAXED);
  length = __atomic_load_n(&window->length, __ATOMIC_RELAXED);
  base = (uint64_t)__atomic_load_n(&window->base, __ATOMIC_RELAXED);
  increment = (uint64_t)__atomic_load_n(&window->increment, __ATOMIC_RELAXED);
  /* Keeps the reads above before the second look at `sequence`; pairs with the release fence that
   * begins a change. */
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  if (__builtin_expect(offset >= length, 0)) return 0;
  if (__builtin_expect((sequence & 1) != 0, 0)) return 0;
  if (__builtin_expect(__atomic_load_n(&window->sequence, __ATOMIC_RELAXED) != sequence, 0)) {
    return 0;
  }
  *id = (int64_t)(base + offset * increment); /* unsigned: hostile memory cannot overflow it */
  return 1;
}

#ifdef __cplusplus
}
#endif
#endif
