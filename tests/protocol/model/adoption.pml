/* Adoption: the sidecar is killed after any store, at publishing or cutting, and the next one takes
 * the ring over while takers go on. That one may be killed too, and the host may lose its memory.
 *
 * Stands for: Slot::publish, commit, cut, finish_cut, adopt, find_ledger, forget_unpublished,
 * follow_up_cut, look and check_records of sidecar/ring/slot.cpp; Owner::publish of
 * sidecar/refill/allocate.cpp, Owner::take_over and align_ring of sidecar/refill/owner.cpp;
 * resolve() and is_absurd() of shmclient/src/sequence.cpp.
 *
 * A statement of the sidecar is one store to the ring, or one commit of the journal, and it may be
 * killed before each of them. The fields of a record, a ledger or an intent, which count for
 * nothing until their last store (even number, checksum, `to`), are one store here. Takers read a
 * record in one step: how is in publication.pml. GAP and
 * ABSURD are kCutGap and kAbsurdOvershoot for two takers. A block stands for its ids: every grant
 * of the source has other ones, also after a reset.
 *
 *   holds
 *   holds MEMORY_LOST: the journal outlives the ring
 *   holds JOURNAL_LOST: the ring outlives the journal
 *   fails LEDGER_IN_PLACE: the copy that is in force is changed, not the other one
 *   fails COMMIT_BEFORE_LEDGER: filled_end before the ledger that is tagged with it
 *   fails COMMIT_BEFORE_RECORD: filled_end before the record
 *   fails JUMP_BEFORE_INTENT: a cut jumps before it has said from where
 *   fails INTENT_GONE_EARLY: it is cleared before the cut is committed
 *   fails NO_FOLLOW_UP: an interrupted cut is not finished by the next sidecar
 *   fails CUT_BY_STORE: the counter is set, not compared and swapped
 *   fails JOURNAL_LOST NO_FORGET: a record that was not committed stays
 *   fails JOURNAL_AFTER_RING
 *   fails REPUBLISH_ANY_NUMBER: the journal's block enters the ring whatever its number
 *   fails MEMORY_LOST REPUBLISH_ANY_RING: ... whatever its ring
 *   fails REPUBLISH_ANY_EPOCH: ... whatever its epoch
 */
#define FIRST 1
#define SIZE 2
#define SLOTS 2
#define GAP 5
#define ABSURD 2
#define GRANTS 2
#define NONE 255 /* no number of a block */
#define TAKES 1 /* of each taker */

typedef Ledger {
  byte filled_end;  /* the tag */
  byte published, taken_before, stretch_begin, next_number, epoch, burnt;
  bool whole        /* the checksum fits */
};
typedef Record {
  byte begin, grant, epoch;
  bool whole        /* even, and the checksum fits */
};

/* ring and tickets */
byte uuid;
byte counter = FIRST;
byte filled_end = FIRST;
byte intent_from, intent_epoch, intent_to;
Ledger ledgers[2];
Record records[SLOTS];

/* journal */
byte journal_epoch = 1;
byte journal_grant;  /* the newest block; of which ring, which number there, which epoch */
byte journal_uuid, journal_number, journal_block_epoch;

/* source */
byte granted;

#ifdef MEMORY_LOST
byte kills = 1;
#else
byte kills = 2;
#endif
byte cuts = 1;
bool killed;

/* What is true. */
byte cut_done;                      /* no take that begins now is served a ticket below it */
byte true_published, true_taken, true_burnt, stretch_begin;
byte granted_in[GRANTS + 1];       /* the epoch */
bool committed[GRANTS + 1];
bool given[(GRANTS + 1) * SIZE];

#define clamp(x, low, high) ((x) < (low) -> (low) : ((x) > (high) -> (high) : (x)))

#define committed_in(slot) (records[slot].whole && records[slot].begin + SIZE <= filled_end)
#define holds(slot, ticket) \
  (committed_in(slot) && ticket >= records[slot].begin && ticket < records[slot].begin + SIZE)

inline new_ring() {
  counter = FIRST; filled_end = FIRST; intent_to = 0; cut_done = 0;
  ledgers[1].whole = false;
  ledgers[0].filled_end = FIRST; ledgers[0].stretch_begin = FIRST;
  ledgers[0].published = 0; ledgers[0].taken_before = 0; ledgers[0].burnt = 0;
  ledgers[0].next_number = 0; ledgers[0].epoch = journal_epoch; ledgers[0].whole = true;
  records[0].whole = false; records[1].whole = false;
  true_published = 0; true_taken = 0; true_burnt = 0; stretch_begin = FIRST;
  committed[1] = false; committed[2] = false
}

/* ---- the ring's writer ---- */

inline write_ledger(copy) {
  d_step { ledgers[copy].whole = false; ledgers[copy].filled_end = changed.filled_end };
  d_step {
    ledgers[copy].published = changed.published;
    ledgers[copy].taken_before = changed.taken_before;
    ledgers[copy].stretch_begin = changed.stretch_begin;
    ledgers[copy].next_number = changed.next_number;
    ledgers[copy].epoch = changed.epoch;
    ledgers[copy].burnt = changed.burnt
  };
  ledgers[copy].whole = true
}

inline take_ledger() {
  changed.published = ledgers[in_force].published;
  changed.taken_before = ledgers[in_force].taken_before;
  changed.stretch_begin = ledgers[in_force].stretch_begin;
  changed.next_number = ledgers[in_force].next_number;
  changed.epoch = ledgers[in_force].epoch;
  changed.burnt = ledgers[in_force].burnt;
  changed.filled_end = ledgers[in_force].filled_end
}

inline forget_changed() {  /* what is not needed any more makes no states */
  d_step {
    changed.filled_end = 0; changed.published = 0; changed.taken_before = 0; changed.epoch = 0;
    changed.stretch_begin = 0; changed.next_number = 0; changed.burnt = 0;
    slot = 0; publishing = 0; from = 0; to = 0; claimed = 0; jumped = false
  }
}

inline store_filled_end() {
  atomic {
    filled_end = changed.filled_end;
    true_published = changed.published;
    stretch_begin = changed.stretch_begin;
    if
    :: publishing != 0 -> committed[publishing] = true
    :: else
    fi
  }
}

inline commit() {
#ifdef LEDGER_IN_PLACE
  write_ledger(in_force);
  store_filled_end();
#else
#ifdef COMMIT_BEFORE_LEDGER
  store_filled_end();
  write_ledger(1 - in_force);
#else
  write_ledger(1 - in_force);
  store_filled_end();
#endif
  in_force = 1 - in_force;
#endif
  forget_changed()
}

inline write_record() {
  records[slot].whole = false;
  atomic {
    records[slot].begin = changed.filled_end - SIZE;
    records[slot].grant = publishing;
    records[slot].epoch = changed.epoch
  };
  records[slot].whole = true
}

inline publish(grant) {
  atomic {
    take_ledger();
    slot = changed.next_number % SLOTS;
    changed.filled_end = changed.filled_end + SIZE;
    changed.published = changed.published + SIZE;
    changed.next_number++;
    publishing = grant
  };
#ifdef COMMIT_BEFORE_RECORD
  write_ledger(1 - in_force);
  store_filled_end();
  write_record();
  in_force = 1 - in_force;
  forget_changed()
#else
  write_record();
  commit()
#endif
}

inline store_intent(epoch_after) {
  intent_to = 0;
  atomic { intent_from = from; intent_epoch = epoch_after };
  intent_to = to
}

inline jump() {
  atomic {  /* the compare-and-swap */
    if
#ifdef CUT_BY_STORE
    :: true ->
#else
    :: counter == from ->
#endif
       true_taken = true_taken + clamp(counter, stretch_begin, filled_end) - stretch_begin;
       true_burnt = true_burnt + filled_end - clamp(counter, stretch_begin, filled_end);
       counter = to;
       jumped = true
#ifndef CUT_BY_STORE
    :: else -> from = counter
#endif
    fi
  }
}

inline cut(epoch_after) {
  atomic { jumped = false; from = counter };
  do
  :: !jumped ->
     to = (from > filled_end -> from : filled_end) + GAP;
#ifdef JUMP_BEFORE_INTENT
     jump();
     store_intent(epoch_after)
#else
     store_intent(epoch_after);
     jump()
#endif
  :: jumped -> break
  od;
  finish_cut()
}

inline finish_cut() {
  atomic {
    take_ledger();
    publishing = 0;
    from = clamp(intent_from, changed.stretch_begin, changed.filled_end);
    changed.burnt = changed.burnt + changed.filled_end - from;
    changed.taken_before = changed.taken_before + from - changed.stretch_begin;
    changed.filled_end = intent_to;
    changed.stretch_begin = intent_to;
    changed.epoch = intent_epoch;
    from = 0; to = 0
  };
#ifdef INTENT_GONE_EARLY
  intent_to = 0;
  commit();
#else
  commit();
  intent_to = 0;
#endif
  cut_done = filled_end
}

/* ---- the sidecar ---- */

inline forget_unpublished() {
  atomic {
    for (slot : 0 .. SLOTS - 1) {
      if
      :: records[slot].begin + SIZE > filled_end -> records[slot].whole = false
      :: else
      fi
    }
  }
}

/* In every state in which a sidecar is adopted: promise 7, and nothing is damaged. */
inline check() {
  atomic {
    claimed = clamp(counter, ledgers[in_force].stretch_begin, filled_end);
    assert(ledgers[in_force].published - (filled_end - claimed) ==
           ledgers[in_force].taken_before + claimed - ledgers[in_force].stretch_begin +
           ledgers[in_force].burnt);
    assert(ledgers[in_force].published == true_published);
    assert(ledgers[in_force].taken_before == true_taken);
    assert(ledgers[in_force].burnt == true_burnt);
    assert(counter <= filled_end + ABSURD);  /* look() */
    for (slot : 0 .. SLOTS - 1) {            /* last_id() */
      assert(!committed_in(slot) || records[slot].grant <= journal_grant)
    };
    do  /* check_records(): all that is ready can be found */
    :: claimed < filled_end ->
       slot = 0;
       do
       :: holds(slot, claimed) -> break
       :: else -> slot++; assert(slot < SLOTS)
       od;
       claimed++
    :: else -> break
    od;
    slot = 0; claimed = 0
  }
}

inline journal_block() {
  atomic {
    journal_grant = granted;
    journal_uuid = uuid;
    journal_number = ledgers[in_force].next_number;
    journal_block_epoch = journal_epoch
  }
}

#define has_room \
  (ledgers[in_force].next_number < SLOTS || counter >= filled_end - SIZE * (SLOTS - 1))
#ifdef REPUBLISH_ANY_NUMBER
#define number_fits true
#else
#define number_fits (journal_number == ledgers[in_force].next_number)
#endif
#ifdef REPUBLISH_ANY_RING
#define ring_fits true
#else
#define ring_fits (journal_uuid == uuid)
#endif
#ifdef REPUBLISH_ANY_EPOCH
#define epoch_fits true
#else
#define epoch_fits (journal_block_epoch == ledgers[in_force].epoch)
#endif

proctype Sidecar() {
  Ledger changed;
  byte in_force, slot, publishing, from, to, claimed;
  bool jumped;
  do
  :: {
    atomic {  /* find_ledger() */
      if
      :: ledgers[0].filled_end == filled_end && ledgers[0].whole -> in_force = 0
      :: else ->
         assert(ledgers[1].filled_end == filled_end && ledgers[1].whole);
         in_force = 1
      fi
    };
#ifndef NO_FORGET
    forget_unpublished();
#endif
#ifndef NO_FOLLOW_UP
    if  /* follow_up_cut() */
    :: intent_to != 0 && counter >= intent_to && filled_end < intent_to -> finish_cut()
    :: else
    fi;
#endif
    intent_to = 0;
    if  /* Instance::start(): begin again from what the ring shows */
    :: atomic { journal_epoch == 0 ->
         journal_epoch = ledgers[in_force].epoch; journal_grant = granted; journal_number = NONE }
    :: else
    fi;
    check();
    if  /* take_over() */
    :: ledgers[in_force].epoch < journal_epoch -> cut(journal_epoch)
    :: else
    fi;
    if
    :: journal_grant != 0 && ring_fits && number_fits && epoch_fits -> publish(journal_grant)
    :: else
    fi;
    check();
end_idle:
    do
    :: granted < GRANTS && has_room ->
       atomic { granted++; granted_in[granted] = journal_epoch };
#ifdef JOURNAL_AFTER_RING
       publish(granted);
       journal_block();
#else
       journal_block();
       if
       :: publish(granted)
       :: skip  /* the journal says that it failed, and has it */
       fi;
#endif
       check()
    :: cuts > 0 ->
       cuts--;
       if
       :: journal_epoch++  /* a reset */
       :: skip             /* a burn */
       fi;
       cut(journal_epoch);
       check()
    od
  } unless { atomic {
    killed -> killed = false;
    forget_changed();
    in_force = 0
  } }
  od
}

proctype Killer() {
end_idle:
  do
  :: atomic { kills > 0 && !killed -> kills--; killed = true }
#ifdef MEMORY_LOST
  :: atomic { kills > 0 && !killed && uuid == 0 -> kills--; killed = true; uuid++; new_ring() }
#endif
#ifdef JOURNAL_LOST
  :: atomic { kills > 0 && !killed -> kills--; killed = true; journal_epoch = 0; journal_grant = 0 }
#endif
  od
}

/* ---- takers: those of a host that lost its memory begin anew ---- */

proctype Taker() {
  byte ticket, id, begun, mine, slot;
  byte takes = TAKES;
  do
  :: atomic { takes > 0 -> takes--; mine = uuid };
     {
       atomic { begun = cut_done; ticket = counter; counter++ };
end_waiting:
       do
       :: atomic {
            ticket < filled_end ->  /* find_block() */
            slot = 0;
            do
            :: slot < SLOTS && !holds(slot, ticket) -> slot++
            :: else -> break
            od;
            if
            :: slot < SLOTS ->
               assert(committed[records[slot].grant]);
               assert(records[slot].epoch == granted_in[records[slot].grant]);
               id = records[slot].grant * SIZE + ticket - records[slot].begin;
               assert(!given[id]);
               given[id] = true;
               assert(ticket >= begun);
               break
            :: else -> ticket = counter; counter++  /* cut, or slept through */
            fi
          }
       :: ticket > filled_end + ABSURD ->  /* is_absurd() */
          if
          :: intent_to == 0 -> assert(ticket <= filled_end + ABSURD)
          :: intent_to != 0 -> ticket <= filled_end + ABSURD
          fi
       od
     } unless { mine != uuid -> mine = uuid };
     atomic { ticket = 0; id = 0; begun = 0; slot = 0 }
  :: else -> break
  od
}

init { atomic { new_ring(); run Sidecar(); run Killer(); run Taker(); run Taker() } }
