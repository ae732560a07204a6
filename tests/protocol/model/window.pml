/* The window: what lets `next` know its id without a look into the ring, shared by the threads of a
 * process.
 *
 * Stands for: essequence_window_next() of shmclient/include/essequence/window.h, change() and
 * advance() of shmclient/src/window.hpp, and resolve() of shmclient/src/sequence.cpp. A block
 * enters the ring, and is read there, in one step: the records are in publication.pml.
 *
 *   holds
 *   fails NO_RELEASE_FENCE: between `begun` and the members
 *   fails RELAXED_EVEN: `ended` may overtake the members
 *   fails RELAXED_SEQUENCE: the members may be read before `ended`
 *   fails NO_ACQUIRE_FENCE: ... or after `begun`
 *   fails NO_SECOND_LOOK: at `begun`
 *   fails UNLOCKED: two threads change the window at once
 *   fails CLAIM_IN_TWO_STEPS: invariant 1 of window.h
 */
#include "seqlock.inc"

#define THREADS 2
Record window; /* its `sequence` is `ended` */
byte begun;
bool locked; /* who has raised `begun`; when others see it is another matter */

active proctype Sidecar() {
  byte granted;
  do
  :: granted < BLOCKS -> atomic { granted++; commit() }
  :: else -> break
  od
}

/* Nobody waits for the lock, and the window never goes back. */
inline advance() {
  if
#ifdef UNLOCKED
  :: true ->
#else
  :: atomic { !locked -> locked = true };
#endif
     left = ODD | EVEN;
     if
     :: window.begin < begin -> left = left | BEGIN | BASE
     :: else
     fi;
     do
     :: d_step { member(ODD); begun = window.sequence + 1 }
     :: d_step { RELEASE_FENCE && member(BEGIN); window.begin = begin }
     :: d_step { RELEASE_FENCE && member(BASE); window.base = base }
     :: d_step { done(ODD) && RELEASE_EVEN && member(EVEN);
                 window.sequence = begun; locked = false }
     :: left == 0 -> break
     od
  :: true /* another one is at it, or was since this one looked at `ended` */
  fi
}

active [THREADS] proctype Thread() {
  byte ticket, id, left, sequence, again, begin, base;
  byte takes = 3;
  do
  :: takes > 0 ->
     takes--;
     if  /* the claim is relaxed: it may come after the loads */
     :: claim(); load(window, begun)
     :: load(window, begun); claim()
     fi;
     if
     :: again == sequence && holds(ticket) -> give()
     :: else ->
        filled_end > ticket;
        atomic { begin = ticket - (ticket - FIRST) % SIZE; base = meaning[begin] };
        advance();
        give()
     fi
  :: else -> break
  od
}
