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
 * 2. While `ended` equals `begun`, {distance, begin, length, base, increment} belong together: for
 *    begin ≤ t < begin + length ticket t of the counter has the id base + (t − begin) × increment,
 *    now and for ever. Both only grow, and their top bit is set; `begun` is changed first.
 * 3. A forked child finds the struct zero (MADV_WIPEONFORK). In it, as in a window that is shut,
 *    `distance` leads to `scratch`, of which nobody is served, and `length` is zero.
 */
#ifndef ESSEQUENCE_WINDOW_H
#define ESSEQUENCE_WINDOW_H

#include <essequence/essequence.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  /* One cache line: what a take reads. */
  uint64_t scratch;   /* claimed from while there is no counter to claim from */
  uintptr_t distance; /* bytes from here to the ticket counter that the window belongs to */
  uint64_t ended;     /* changes of the window that have ended */
  uint64_t begin;     /* first ticket of the window */
  uint64_t length;    /* tickets in the window, below 2^62 */
  int64_t base;       /* id of ticket `begin` */
  int64_t increment;  /* distance between ids */
  uint64_t begun;     /* changes of the window that have begun */
  /* What a lease reads. */
  const uint64_t *cut; /* no ticket below *cut is served any more */
  uint32_t token;      /* not zero, and another one after a fork: whose a lease is */
} essequence_window;

/* The window of an open sequence; lives as long as the sequence. */
ESSEQUENCE_API essequence_window *essequence_get_window(essequence_sequence *sequence);

/* The id of `ticket`, claimed from the counter at `distance` from the sequence's window: looks it
 * up, or waits for it, or takes another one. Where that is not the ring's counter, nothing was
 * claimed yet. */
ESSEQUENCE_API essequence_status essequence_resolve(essequence_sequence *sequence,
                                                    uintptr_t distance, uint64_t ticket,
                                                    int64_t *id);

/* As essequence_take, and says which ticket the run begins with and under which token it was taken:
 * what a lease needs to see a cut and a fork. */
ESSEQUENCE_API essequence_status essequence_lease(essequence_sequence *sequence, uint32_t wanted,
                                                  essequence_run *run, uint64_t *first_ticket,
                                                  uint32_t *token);

/* Claims a ticket and sees whether the window knows its id. Returns 1 and the id, or 0 and what was
 * claimed, for essequence_resolve.
 *
 * One locked instruction, one comparison: a window that does not reach the ticket, one that is
 * being changed, one that was changed meanwhile, one that is shut and a forked child's all fail the
 * same test.
 *
 * The order of the statements, and what is handed to the slow path, is that of few values kept at a
 * time; all ratios to a bare lock xadd in the same loop. Only what leads to the counter is read
 * before the claim: loads before a locked instruction delay it, those that follow run while the
 * next take's begin (1.03, against 1.09). What is kept for a slow path that is hardly ever taken is
 * paid by each take: so the caller gets the counter's distance, not its address, and the ticket is
 * put together again from what is at hand (1.00, against 1.08). And what a function around this has
 * to save on the stack, the claim waits for. */
static inline int essequence_window_next(essequence_window *window, int64_t *id,
                                         uintptr_t *distance, uint64_t *ticket) {
  uint64_t ended, begin, offset, value, length, changes;
  uintptr_t way;
  /* Or a compiler would keep each member's address, in a loop around this, and on the stack. */
  __asm__("" : "+r"(window));
  /* The acquire pairs with the release that ends a change of the window (src/window.hpp). */
  ended = __atomic_load_n(&window->ended, __ATOMIC_ACQUIRE);
  way = __atomic_load_n(&window->distance, __ATOMIC_RELAXED);
  /* Relaxed is enough: by invariant 1 the read-modify-write alone makes the ticket ours.
   * NOLINTNEXTLINE(performance-no-int-to-ptr): another mapping, where no pointer from here leads */
  offset = __atomic_fetch_add((uint64_t *)((uintptr_t)window + way), 1, __ATOMIC_RELAXED);
  begin = __atomic_load_n(&window->begin, __ATOMIC_RELAXED);
  offset -= begin;
  /* Or it would see that `offset + begin` is the ticket, and keep that beside. */
  __asm__("" : "+r"(offset));
  /* Unsigned: hostile memory cannot overflow it. */
  value = offset * (uint64_t)__atomic_load_n(&window->increment, __ATOMIC_RELAXED);
  value += (uint64_t)__atomic_load_n(&window->base, __ATOMIC_RELAXED);
  length = __atomic_load_n(&window->length, __ATOMIC_RELAXED);
  /* Keeps the reads above before the one of `begun`; pairs with the release fence that begins a
   * change. */
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  /* Zero, or at least 2^62: negative where a change has begun, and in a child of a fork that came
   * in between the top bit of `ended` is left. */
  changes = ended - __atomic_load_n(&window->begun, __ATOMIC_RELAXED);
  if (__builtin_expect((offset | changes) >= length, 0)) {
    *distance = way;
    *ticket = offset + begin;
    return 0;
  }
  *id = (int64_t)value;
  return 1;
}

#ifdef __cplusplus
}
#endif
#endif
