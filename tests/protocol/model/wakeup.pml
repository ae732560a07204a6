/* Waking: a taker at an empty ring sleeps until the sidecar has filled it, and the sidecar sleeps
 * until a taker asks.
 *
 * Stands for: wait_for() of shmclient/src/waiting.cpp (see the picture in waiting.hpp),
 * Attachment::kick of shmclient/src/attachment.cpp, open_window() of shmclient/src/sequence.cpp;
 * Bell of sidecar/ring/bell.cpp and Doorbell::listen of sidecar/ring/doorbell.cpp, Slot::commit and wake of
 * sidecar/ring/slot.cpp; Owner::look and refill and Instance::attend of sidecar/refill/.
 *
 * Futex words only ever grow, so a FUTEX_WAIT asks just one thing: has the word changed since I
 * read it? That is what is kept of them (`rung`, `woken`), and a word that grows for ever makes no
 * endless model. The event loop's plain stores go through a store buffer, in the order of the
 * program (x86); a locked instruction waits until the buffer is empty. FUTEX_WAKE is given no
 * barrier of its own, so ours must suffice. The takers' stores are all locked instructions.
 *
 * Time limits (kLongestSleep, the beat) are off, or they would hide every fault: when nothing can
 * happen any more, everybody must have been served, and the ring be filled. LIMITS switches the
 * doorbell's on, which is there for the taker who is killed between setting the bit and ringing.
 *
 * Left out: the window, whose tickets beyond the low-water mark kick nobody; the beat fills the
 * ring for them, and at the end of the window a taker comes here.
 *
 *   holds
 *   holds KILLS: who lives is served, even without a time limit
 *   holds LIMITS LIVENESS: with a victim, under a fair scheduler, all comes true in the end
 *   holds EARLY_LOOK: the look at filled_end may come before the kick, as no fence stands between
 *   fails PLAIN_WAKE: `wake` grows by a plain store, which may still be on its way at FUTEX_WAKE
 *   fails WAKE_BEFORE_PUBLISH
 *   fails WAKE_READ_LATE: `wake` is read after the look at filled_end
 *   fails SLEEP_WITHOUT_COMPARE: FUTEX_WAIT that does not compare
 *   fails CLEAR_AFTER_LOOK: the bit is cleared after the counter was looked at
 *   fails BELL_READ_LATE: the bell is read after the bits
 *   fails SILENT_BIT: who finds the bit clear sets it and does not ring
 *   fails STALE_LEVEL: a kick falls between the last look and the end of a refill
 *   fails KILLS NO_INSIST: a waiting taker trusts the bit that a killed one has set
 *   fails LIVENESS: without a time limit, the low-water kick stays stuck behind it
 */
#define TAKERS 2
#define BLOCK 2
#define ready (filled_end > counter) /* else a refill is due; so the last ticket is the mark */

#ifdef KILLS /* one taker, between any two steps of his kick */
bool may_die = true;
#define may_have_died true
#else
bool may_die = false;
#define may_have_died false
#endif
#ifdef NO_INSIST
#define INSIST false
#else
#define INSIST true
#endif
#ifdef SILENT_BIT
#define RINGS(insist) ((insist) && before)
#else
#define RINGS(insist) ((insist) || !before)
#endif
#ifdef SLEEP_WITHOUT_COMPARE
#define COMPARE false
#else
#define COMPARE true
#endif

/* tickets */
bool wanted;
bool rung;             /* since the doorbell read `bell` */
bool doorbell_asleep;
byte counter;

/* ring */
byte filled_end;
bool woken[TAKERS];    /* `wake` changed since this taker read it */
bool asleep[TAKERS];

byte finished;         /* takers that are done, or dead */

/* ---- the event loop, and its store buffer: filled_end, then (PLAIN_WAKE) wake ---- */

byte buffered;         /* filled_end to come; 0: none */
bool wake_buffered;

inline grow_wake() {
  for (each : 0 .. TAKERS - 1) { woken[each] = true }
}

inline store_filled_end() { atomic { buffered == 0 && !wake_buffered -> buffered = mine } }

active proctype StoreBuffer() {
  byte each;
end_flushed:
  do
  :: d_step { buffered != 0 -> filled_end = buffered; buffered = 0 }
  :: atomic { wake_buffered && buffered == 0 -> wake_buffered = false; grow_wake() }
  od
}

inline wake() {
#ifdef PLAIN_WAKE
  wake_buffered = true;
#else
  atomic { buffered == 0 -> grow_wake() };
#endif
  atomic { for (each : 0 .. TAKERS - 1) { asleep[each] = false } }  /* FUTEX_WAKE */
}

bool posted;  /* by the doorbell to the event loop: a mutex, and so a fence */
#ifdef CLEAR_AFTER_LOOK
bool looked;
#endif

active proctype EventLoop() {
  byte mine;  /* the ledger's filled_end */
  byte each;
end_idle:
  do
  :: atomic { posted -> posted = false };
     do  /* Owner::refill */
     :: counter >= mine ->
        do  /* while the source is asked, a kick has no effect: `refilling_` */
        :: posted -> posted = false
        :: break
        od;
        mine = mine + BLOCK;
#ifdef WAKE_BEFORE_PUBLISH
        wake();
        store_filled_end()
#else
        store_filled_end();
        wake()
#endif
     :: counter < mine ->
#ifdef STALE_LEVEL
        if
        :: posted -> posted = false
        :: skip
        fi;
#endif
        break
     od;
#ifdef CLEAR_AFTER_LOOK
     looked = true
#endif
  od
}

active proctype Doorbell() {
  bool set;
  do
  ::
#ifndef BELL_READ_LATE
     rung = false;
#endif
#ifdef CLEAR_AFTER_LOOK
     set = wanted;
#else
     atomic { set = wanted; wanted = false };
#endif
     if
     :: set -> posted = true
     :: else
     fi;
#ifdef CLEAR_AFTER_LOOK
     if
     :: set -> looked; looked = false; wanted = false
     :: else
     fi;
#endif
     set = false;
#ifdef BELL_READ_LATE
     rung = false;
#endif
     atomic {  /* FUTEX_WAIT */
       if
       :: rung
       :: else -> doorbell_asleep = true
       fi
     };
end_asleep:
     if
     :: !doorbell_asleep
#ifdef LIMITS
     :: doorbell_asleep -> doorbell_asleep = false
#endif
     fi
  od
}

/* ---- takers ---- */

inline die() {
  atomic { may_die -> may_die = false; goto dead }
}

inline kick(insist) {
  atomic { before = wanted; wanted = true };
  if
  :: die()
  :: RINGS(insist) ->
     rung = true;
     if
     :: die()
     :: doorbell_asleep = false  /* FUTEX_WAKE */
     fi
  :: !RINGS(insist)
  fi
}

proctype Taker(byte me; byte takes) {
  byte ticket;
  bool before, served;
  do
  :: takes > 0 ->
     takes--;
     atomic { ticket = counter; counter++ };
     do  /* wait_for() */
     :: ticket < filled_end -> break
     :: else ->
#ifndef WAKE_READ_LATE
        woken[me] = false;
#endif
#ifdef EARLY_LOOK
        served = ticket < filled_end;
        kick(INSIST);
#else
        kick(INSIST);
        served = ticket < filled_end;
#endif
#ifdef WAKE_READ_LATE
        woken[me] = false;
#endif
        if
        :: served -> break
        :: else ->
           atomic {  /* FUTEX_WAIT */
             if
             :: COMPARE && woken[me]
             :: else -> asleep[me] = true
             fi
           };
           !asleep[me]
        fi
     od;
     if  /* open_window(): at the low-water mark, ask for the next block */
     :: ticket + 1 >= filled_end -> kick(false)
     :: else
     fi;
     atomic { ticket = 0; before = false; served = false }
  :: else -> break
  od;
dead:
  finished++
}

/* A taker who is killed between setting the bit and ringing. */
proctype Victim() { wanted = true; finished++ }

init {
  atomic {
    run Taker(0, 2);
#ifdef LIVENESS
    run Victim()
#else
    run Taker(1, 1)
#endif
  }
}

#ifdef LIVENESS
bool tick;
active proctype Clock() { do :: tick = !tick od }  /* nothing ends: a deadlock is a wait for ever */
ltl settles { <>[] (finished == TAKERS && ready) }
#else
active proctype Silence() {
  timeout;
  assert(finished == TAKERS);
  assert(ready || may_have_died)
}
#endif
