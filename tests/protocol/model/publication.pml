/* Publication: how a ticket finds its id in the ring, while the sidecar lays new blocks over old
 * ones and is killed at it.
 *
 * Stands for: write(), read() and find_block() of shmclient/src/block.hpp; Slot::publish, commit,
 * has_room and forget_unpublished of sidecar/ring/slot.cpp; resolve() and try_claim() of
 * shmclient/src/sequence.cpp.
 *
 * Left out: the checksum, because the protocol must not need it (it guards against damage); here
 * forget_unpublished spoils `begin` in its place. A taker looks only into the slot that may hold
 * his ticket: the other one never does.
 *
 *   holds
 *   fails NO_RELEASE_FENCE: between the odd number and the fields
 *   fails RELAXED_EVEN: the even number may overtake the fields
 *   fails RELAXED_COMMIT: filled_end may overtake the record
 *   fails RELAXED_SEQUENCE: the fields may be read before the number
 *   fails NO_ACQUIRE_FENCE: ... or after the second look at it
 *   fails NO_SECOND_LOOK: at the number
 *   fails FILLED_END_AFTER_RECORD: invariant 2 of block.hpp
 *   fails REUSE_EARLY: invariant 3 of block.hpp
 *   fails CLAIM_IN_TWO_STEPS: invariant 1 of window.h
 *   fails LOOK_AND_ADD: a take that looks up one ticket and claims another
 */
#include "seqlock.inc"

#define SLOTS 2 /* kMaxBlocks */
Record records[SLOTS];
byte kills = 1;

active proctype Sidecar() {
  byte number;  /* of the next block */
  byte granted; /* blocks that the source granted: each has other ids */
  byte slot, left;
restart:
  atomic {  /* forget_unpublished(); what was granted and not committed is a gap */
    for (slot : 0 .. SLOTS - 1) {
      if
      :: records[slot].sequence % 2 == 0 && records[slot].begin + SIZE > filled_end ->
         records[slot].begin = 0
      :: else
      fi
    }
    number = (filled_end - FIRST) / SIZE
  }
  do
  :: number < BLOCKS ->
#ifndef REUSE_EARLY
end_no_room:
     next >= FIRST + (number - SLOTS + 1) * SIZE;  /* has_room() */
#endif
     d_step {
       granted++;
       slot = number % SLOTS;
       left = ODD | BEGIN | BASE | EVEN | COMMIT
     }
     do
     :: d_step { member(ODD); records[slot].sequence = records[slot].sequence | 1 }
     :: d_step { RELEASE_FENCE && member(BEGIN); records[slot].begin = FIRST + number * SIZE }
     :: d_step { RELEASE_FENCE && member(BASE); records[slot].base = granted * SIZE }
     :: d_step { done(ODD) && RELEASE_EVEN && member(EVEN);
                 records[slot].sequence = records[slot].sequence + 1 }
     :: d_step { RELEASE_COMMIT && member(COMMIT); commit() }
     :: left != 0 && kills > 0 -> kills--; left = 0; goto restart
     :: left == 0 -> break
     od;
     number++
  :: else -> break
  od
}

#ifdef FILLED_END_AFTER_RECORD
#define LOOK_FIRST true
#else
#define LOOK_FIRST atomic { ticket < filled_end -> filled = filled_end }
#endif

inline find_block() {
  load(records[((ticket - FIRST) / SIZE) % SLOTS],
       records[((ticket - FIRST) / SIZE) % SLOTS].sequence);
#ifdef FILLED_END_AFTER_RECORD
  filled = filled_end;
#endif
  atomic {
    found = sequence % 2 == 0 && again == sequence && holds(ticket) && begin + SIZE <= filled;
    sequence = 0; again = 0; filled = 0;  /* what is forgotten makes no states */
    if
    :: !found -> begin = 0; base = 0
    :: else
    fi
  }
}

/* `next`, where the window does not know the ticket. */
active proctype FetchAndAdd() {
  byte ticket, id, left, sequence, again, begin, base, filled;
  byte takes = 2;
  bool found;
  do
  :: takes > 0 ->
     takes--;
     claim();
     do
     :: LOOK_FIRST ->  /* how it is waited for: wakeup.pml */
        find_block();
        if
        :: found -> give(); break
        :: !found && ticket < filled_end -> claim()  /* slept through the reuse: a gap */
        :: else
        fi
     :: ticket >= END -> goto none_left
     od
  :: else -> break
  od;
none_left:
  skip
}

/* `take`. */
active proctype CompareAndSwap() {
  byte ticket, id, left, sequence, again, begin, base, filled;
  byte takes = 1;
  bool found;
  do
  :: takes > 0 && next < filled_end ->
     ticket = next;
     if
     :: LOOK_FIRST ->
        find_block();
        if
        :: found ->
           if
#ifdef LOOK_AND_ADD
           :: d_step { next++; takes-- };
#else
           :: d_step { next == ticket -> next++; takes-- };
#endif
              give()
           :: next != ticket -> begin = 0; base = 0
           fi
        :: d_step { !found -> assert(next != ticket) }  /* a ready id can be taken */
        fi
     :: else
     fi
  :: takes == 0 || next >= END -> break
  od
}
