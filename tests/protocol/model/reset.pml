/* Reset: a document in the source, which another host changes too, a journal and a ring. Each of
 * the three is durable and changes in one step; the sidecar may be killed between any two steps.
 *
 * Stands for: Owner::reset and change_document of sidecar/refill/orders.cpp, weigh and observe of
 * fence.cpp, allocate and publish of allocate.cpp, take_over, cut and align_ring of owner.cpp,
 * judge() of judgement.cpp (all in sidecar/refill/); Lease of shmclient/include/essequence.hpp.
 *
 * The inside of a publication and of a cut is in adoption.pml. A block holds two ids. Taken here: a
 * reply may get lost, and the document may change at any time between a read and a change.
 *
 *   holds
 *   holds LEASE
 *   fails ANSWER_BEFORE_CUT
 *   fails CUT_BEFORE_JOURNAL
 *   fails NO_ALIGN: a restart does not cut where the journal is ahead of the ring
 *   fails REPUBLISH_ANY_EPOCH: a block of the epoch before enters the ring after a restart
 *   fails TRUST_UNKNOWN: a reset whose reply was lost is answered as done
 *   fails GRANT_UNPROVEN: a block whose reply was lost is taken for granted
 *   fails BLIND_CHANGE: the document is changed whatever its version
 *   fails LEASE IGNORE_CUT: ids of the epoch before are left in the lease
 */
#define SIZE 2
#define GAP 1
#define FIRST 1
#define TICKETS 12
#define EPOCHS 3

/* the document: `version` is _seq_no */
byte version, epoch = 1, iid;
byte grants = 2;  /* how many more there may be, of all */

/* the journal */
byte journal_epoch = 1;
byte journal_mark;
byte journal_first;  /* the newest block */
byte journal_number;
byte journal_block_epoch;

/* the ring */
byte ring_epoch = 1;
byte number;          /* of the next block */
byte counter = FIRST;
byte filled_end = FIRST;
byte cut;
byte id_of[TICKETS];  /* of each filled ticket; 0: none */
byte epoch_of[TICKETS];

byte resets = 1;
byte resets_elsewhere = 1;
byte kills = 1;
bool killed;

/* What is true. */
byte answered;  /* the epoch of the newest reset that has returned */
typedef Ids { bool given[5] };
Ids of_epoch[EPOCHS + 1];

inline align_ring() {
  if
  :: d_step { ring_epoch < pin_epoch ->
       counter = (counter > filled_end -> counter : filled_end) + GAP;
       filled_end = counter;
       cut = counter;
       ring_epoch = pin_epoch }
  :: ring_epoch >= pin_epoch
  fi
}

/* What the source says is judged and journalled; align_ring() follows it. No fault was put in, so
 * nothing may look like one: no fence. */
inline weigh() {
  assert(its_epoch > pin_epoch || (its_epoch == pin_epoch && its_iid >= pin_mark));
  if
  :: its_epoch > pin_epoch ->
     d_step { pin_epoch = its_epoch; pin_mark = its_iid };
#ifdef CUT_BEFORE_JOURNAL
     align_ring();
#endif
     d_step { journal_epoch = pin_epoch; journal_mark = pin_mark }
  :: its_epoch == pin_epoch -> pin_mark = its_iid
  fi
}

inline publish(id) {
  d_step {
    id_of[filled_end] = id;
    id_of[filled_end + 1] = id + 1;
    epoch_of[filled_end] = ring_epoch;
    epoch_of[filled_end + 1] = ring_epoch;
    filled_end = filled_end + SIZE;
    number++
  }
}

inline read_document() {
  d_step { seen = version; its_epoch = epoch; its_iid = iid }
}

/* What is not needed any more makes no states. */
inline forget() { d_step { seen = 0; its_epoch = 0; its_iid = 0; outcome = conflict } }

#ifdef REPUBLISH_ANY_EPOCH
#define epoch_fits true
#else
#define epoch_fits (journal_block_epoch == ring_epoch)
#endif
#ifdef BLIND_CHANGE
#define unchanged true
#else
#define unchanged (version == seen)
#endif
mtype = { proven, conflict, unknown };

/* A compare-and-set, and what its caller learns. A proof says what stands there now. */
inline change_document(new_epoch, new_iid) {
  atomic {
    its_epoch = new_epoch;
    its_iid = new_iid;
    if
    :: unchanged -> version++; epoch = its_epoch; iid = its_iid;
       if
       :: outcome = proven
       :: outcome = unknown
       fi
    :: outcome = unknown
    :: !unchanged -> outcome = conflict
    fi
  }
}

proctype Sidecar() {
  byte pin_epoch, pin_mark, seen, its_epoch, its_iid;
  mtype outcome = conflict;
  do
  :: {
    /* take_over() */
    d_step { pin_epoch = journal_epoch; pin_mark = journal_mark };
    assert(ring_epoch <= pin_epoch);
#ifndef NO_ALIGN
    align_ring();
#endif
    assert(ring_epoch == pin_epoch);
    if
    :: journal_first != 0 && journal_number == number && epoch_fits ->
       publish(journal_first)
    :: else
    fi;
end_idle:
    do
    :: atomic { grants > 0 && counter >= filled_end -> grants-- };  /* a refill */
       read_document();
       weigh();
       align_ring();
       change_document(its_epoch, its_iid + SIZE);
       if
#ifdef GRANT_UNPROVEN
       :: outcome != conflict ->
#else
       :: outcome == proven ->
#endif
          weigh();
          align_ring();
          d_step {
            journal_epoch = pin_epoch; journal_mark = pin_mark;
            journal_first = its_iid - SIZE + 1;
            journal_number = number;
            journal_block_epoch = its_epoch
          };
          if
          :: publish(its_iid - SIZE + 1)
          :: skip  /* the journal says that it failed, and has it */
          fi
       :: else
       fi;
       forget()
    :: epoch > pin_epoch ->  /* the poll sees that the marker has moved */
       read_document();
       weigh();
       align_ring();
       forget()
    :: resets > 0 ->
       resets--;
       read_document();
       weigh();
       align_ring();
       change_document(its_epoch + 1, 0);
       if
#ifdef TRUST_UNKNOWN
       :: outcome != conflict ->
#else
       :: outcome == proven ->
#endif
          weigh();
#ifdef ANSWER_BEFORE_CUT
          answered = its_epoch;
          align_ring()
#else
          align_ring();
          answered = its_epoch
#endif
       :: else  /* 409 or 504 */
       fi;
       forget()
    od
  } unless { atomic { killed -> killed = false; forget() } }
  od
}

inline take(label, id) {
  assert(!of_epoch[label].given[id]);  /* promise 1 */
  of_epoch[label].given[id] = true
}

/* Another host, as far as it shows: what it does to the document, and that its ids are taken. */
proctype Elsewhere() {
  byte seen, its_epoch, its_iid;
  mtype outcome = conflict;
end_idle:
  do
  :: atomic { grants > 0 -> grants-- };
     read_document();
     change_document(its_epoch, its_iid + SIZE);
     d_step {
       if
       :: outcome == proven ->
          take(its_epoch, its_iid - 1);
          take(its_epoch, its_iid)
       :: else
       fi
     };
     forget()
  :: resets_elsewhere > 0 ->
     resets_elsewhere--;
     read_document();
     change_document(its_epoch + 1, 0);
     forget()
  od
}

proctype Killer() {
end_idle:
  do
  :: atomic { kills > 0 -> kills--; killed = true }
  od
}

inline give(ticket) {
  atomic {
    label = epoch_of[ticket];
    id = id_of[ticket];
    assert(label >= begun);  /* promise 5 */
    take(label, id);
    label = 0; id = 0
  }
}

proctype Taker() {
  byte ticket, begun, label, id;
  byte takes = 2;
  do
  :: takes > 0 ->
     takes--;
     begun = answered;
     atomic { ticket = counter; counter++ };
end_waiting:
     do
     :: atomic { ticket < filled_end && id_of[ticket] == 0 ->  /* it was cut */
          ticket = counter; counter++ }
     :: ticket < filled_end && id_of[ticket] != 0 -> break
     od;
     give(ticket)
  :: else -> break
  od
}

/* Takes a run of two, and keeps the second id for later. */
proctype Lessee() {
  byte ticket, begun, label, id;
  begun = answered;
end_waiting:
  atomic {
    counter + 1 < filled_end && id_of[counter] != 0 &&
        id_of[counter + 1] == id_of[counter] + 1 ->
    ticket = counter;
    counter = ticket + 2
  };
  give(ticket);
  begun = answered;  /* another take begins */
  if
#ifdef IGNORE_CUT
  :: true ->
#else
  :: cut <= ticket ->
#endif
     give(ticket + 1)
#ifndef IGNORE_CUT
  :: cut > ticket
#endif
  fi
}

init {
  atomic {
    run Sidecar(); run Killer(); run Elsewhere();
#ifdef LEASE
    run Lessee()
#else
    run Taker()
#endif
  }
}
