/*
The mutex of shared writers: a word that names its owner's slot and generation. Writers come, take a slot, publish and leave, or die
anywhere; a stopped one is one that takes its time. The owner is dead if its life byte is free or its slot has another generation; then
the mutex is taken over and the record goes on at P. Waiting is left out (wake.pml): who finds the mutex taken looks again.

Two slots, three processes, so that slots are used again. No living owner is ever robbed, every record is written by one process alone,
and nobody waits for ever: whoever is left at the end has published.

  BUG_STEAL         a slow owner counts as dead
  BUG_NOGENERATION  the word names the slot alone
  BUG_BLIND         the mutex of the dead is taken by a plain store
  BUG_NOTAKEOVER    the mutex of the dead stays taken
  BUG_STALE         P was loaded before the mutex was taken
*/
#define SLOTS   2
#define WRITERS 3
#define NOBODY  255
#define TORN    255

byte mutexSlot = NOBODY, mutexGeneration;       /* one word: both change at once */
byte holder[SLOTS] = NOBODY;                    /* of the life bytes */
byte generation[SLOTS];
byte published;
byte cell[WRITERS];                             /* the data region, large enough here */

/* Nobody decides by these. */
byte owner = NOBODY;                            /* who has the mutex */
bool alive[WRITERS];

#ifdef BUG_NOGENERATION
#define SAME(g) true
#else
#define SAME(g) (mutexGeneration == (g))
#endif
#define DIE alive[me] = false; holder[slot] = NOBODY; goto gone
#define MAYDIE if :: DIE :: true fi

/* What the compare-and-swap does when it is won. */
inline mine() {
	mutexSlot = slot; mutexGeneration = generation[slot];
	assert(owner == NOBODY || !alive[owner]);
	owner = me
}

proctype writer(byte me) {
	byte slot, s, g, p; bool dead;
	alive[me] = true;
	if                                              /* a slot whose byte is free */
	:: atomic { holder[0] == NOBODY -> holder[0] = me; slot = 0 }
	:: atomic { holder[1] == NOBODY -> holder[1] = me; slot = 1 }
	fi;
	MAYDIE;
	generation[slot]++;                             /* S0 */
	MAYDIE;
#ifdef BUG_STALE
	p = published;
#endif
	do
	:: d_step { s = mutexSlot; g = mutexGeneration };
		if
		:: s == NOBODY ->
			if :: d_step { mutexSlot == NOBODY -> mine() } -> break :: else fi      /* X1 */
		:: else ->
#ifdef BUG_NOGENERATION
			dead = (holder[s] == NOBODY);
#else
			dead = (holder[s] == NOBODY);
			dead = dead || generation[s] != g;
#endif
#ifdef BUG_STEAL
			dead = true;
#endif
#ifdef BUG_NOTAKEOVER
			dead = false;
#endif
			if
			:: dead ->
#ifdef BUG_BLIND
				d_step { mine() }; break
#else
				if :: d_step { mutexSlot == s && SAME(g) -> mine() } -> break :: else fi       /* X3 */
#endif
			:: else ->
				mutexSlot != s || !SAME(g) || holder[s] == NOBODY       /* wait for any of it */
			fi
		fi
	od;
	MAYDIE;
#ifndef BUG_STALE
	p = published;
#endif
	cell[p] = TORN;
	MAYDIE;
	cell[p] = me;
	MAYDIE;
	assert(p == published && cell[p] == me);
	published++;                                    /* W4 */
	MAYDIE;
	assert(owner == me);
	d_step { owner = NOBODY; mutexSlot = NOBODY };  /* X2 */
	MAYDIE;
	alive[me] = false;
	holder[slot] = NOBODY;
gone:	skip
}

init {
	byte i;
	atomic {
		do :: i < WRITERS -> run writer(i); i++ :: else -> break od
	}
}
