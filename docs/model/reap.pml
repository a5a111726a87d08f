/*
A slot, its lock byte and its owners: readers that come one after another and may die at any instruction, a writer that is held back by
the slot and frees it if its owner is dead (S6), or drops it for an impossible cursor (S7). One slot is enough.

The kernel gives the byte back when its holder dies. A durable slot stays when its owner dies.

  BUG_NOLOCK        the writer asks whether the byte is held, and frees the slot if not
  BUG_NOLOOK        it takes the byte, and frees without looking again
  BUG_NOGENERATION  a slot's word does not say which owner it is
  BUG_RELOAD        the writer loads the word that it compares with after the cursor, not before
  BUG_FREE_LATE     the reader gives its byte back before it frees its slot
*/
#define READERS 3
#define NOBODY 255

#define FREE    0
#define CLAIMED 1
#define ACTIVE  2
#define CORRUPT 3

byte holder = NOBODY;           /* of the lock byte */
byte state, generation;         /* the slot's word: both change at once */
bool durable;                   /* also a part of the word */

/* Nobody decides by these. */
byte owner = NOBODY;            /* who claimed the slot last */
byte judged = NOBODY;           /* the owner whose cursor the writer saw */
bool kept;                      /* the slot has become durable */

#define TAKE(me) atomic { if :: holder == NOBODY -> holder = me; took = true :: else -> took = false fi }
#define DIE holder = NOBODY; goto dead
#define MAYDIE if :: DIE :: true fi

proctype reader(byte me) {
	bool took, keep;
	do
	:: TAKE(me);
		if
		:: took && !durable -> break
		:: took && durable -> holder = NOBODY           /* not ours to take */
		:: else                                         /* somebody has it */
		fi
	:: goto dead                                            /* does not want any more */
	od;
	MAYDIE;
#ifdef BUG_NOGENERATION
	d_step { state = CLAIMED; owner = me };
#else
	d_step { state = CLAIMED; generation++; owner = me };   /* S0 */
#endif
	MAYDIE;
	state = ACTIVE;                                         /* S1 to S3 */
	MAYDIE;
	if
	:: d_step { durable = true; keep = true; kept = true }  /* S4 */
	:: true
	fi;
	MAYDIE;
	assert(state == ACTIVE || state == CORRUPT);            /* nobody frees what we hold */
	assert(state != CORRUPT || judged == me);               /* or drops us for another's cursor */
	if
	:: keep -> DIE                                          /* its cursor stays */
	:: !keep ->
#ifdef BUG_FREE_LATE
		holder = NOBODY;
		state = FREE;
#else
		state = FREE;                                   /* S5 */
		holder = NOBODY;
#endif
	fi;
dead:	skip
}

proctype writer() {
	byte seen; bool took, dead;
	do
	:: state == ACTIVE && !durable ->
		if
		:: true ->                                      /* is its owner dead? */
#ifdef BUG_NOLOCK
			dead = (holder == NOBODY);
			if :: dead -> state = FREE :: else fi
#else
			TAKE(READERS);
			if
			:: took ->
#ifdef BUG_NOLOOK
				d_step { state = FREE; durable = false };
#else
				if :: state != FREE && !durable -> state = FREE :: else fi; /* S6 */
#endif
				holder = NOBODY
			:: else
			fi
#endif
		:: true ->                                      /* its cursor cannot be */
#ifdef BUG_RELOAD
			judged = owner; seen = generation;
#else
			seen = generation; judged = owner;
#endif
			if
			:: d_step { state == ACTIVE && generation == seen -> state = CORRUPT } /* S7 */
			:: else
			fi
		fi
	:: kept -> assert(durable && state != FREE); break      /* it stays, whoever dies */
	:: true -> break
	od
}

init {
	byte i;
	atomic {
		run writer();
		do :: i < READERS -> run reader(i); i++ :: else -> break od
	}
}
