/*
Waiting for the mutex of shared writers, and giving it back without a fence. The word's lower half names the owner (0: nobody), its upper
half says that somebody waits. The owner stores 0 in the lower half alone (X2), which goes through its store buffer, and then looks at the
upper half. Who waits sets the bit by compare-and-swap on all of the word (X5), calls membarrier, and sleeps on the value. Deaths are left
out (mutex.pml), and time-outs with them: a sleeper that nobody wakes is an invalid end state.

The owner that finds the bit clears it and wakes one sleeper, which has to be as quick as all others; or its turn goes on, and it takes
the mutex again, bit and all; or its turn is over: it leaves the bit set on the free mutex and wakes one, and only who has slept may take
it. Who takes it after a sleep sets the bit, since others may sleep. The one time-out that is left in is for an owner whose turn could have
gone on, and who does not come again. (Whoever's turn it was at its look, and who is overtaken before its compare-and-swap, may take once
what was left to others.)

  VARIANT_SWAP      X2 is an exchange of the whole word, and there is no membarrier

  BUG_NOBARRIER     no membarrier
  BUG_BARRIER_FIRST membarrier before the bit is set
  BUG_WHOLE         X2 stores the whole word
  BUG_BITLESS       who was woken takes the mutex without the bit
  BUG_PLAINBIT      the bit is set by a plain store of what was loaded before
  BUG_WAKE_FIRST    a sleeper is woken before the bit is cleared
  BUG_BARGE         who has not slept takes the mutex that was left to sleepers
  BUG_LEFT          it is left to sleepers also when there is none
*/
#define WRITERS 3
#define NOBODY  0

byte owner;                     /* the word: lower half, */
bool waited;                    /* upper half */
bool held[WRITERS + 1];         /* in the store buffer of each: owner = NOBODY */
bool asleep[WRITERS + 1];

/* Nobody decides by these. */
byte inside;
bool left;                      /* the mutex was left to sleepers */
byte last;                      /* who published last */
bool quiet;                     /* it may go on, and has woken nobody */

#ifdef BUG_WHOLE
#define DRAIN(i) owner = NOBODY; waited = false; held[i] = false
#else
#define DRAIN(i) owner = NOBODY; held[i] = false
#endif

active proctype buffer() {
end:	do
	:: d_step { held[1] -> DRAIN(1) }
	:: d_step { held[2] -> DRAIN(2) }
	:: d_step { held[3] -> DRAIN(3) }
	od
}

inline membarrier() {
	d_step {
		if :: held[1] -> DRAIN(1) :: else fi;
		if :: held[2] -> DRAIN(2) :: else fi;
		if :: held[3] -> DRAIN(3) :: else fi
	}
}

inline wakeOne() {
	atomic {
		if
		:: asleep[1] -> asleep[1] = false; woken = true
		:: asleep[2] -> asleep[2] = false; woken = true
		:: asleep[3] -> asleep[3] = false; woken = true
		:: else -> woken = false
		fi
	}
}

/* Who has the mutex by now has the bit as well, and does this later. */
inline clear() {
#ifdef BUG_WAKE_FIRST
	wakeOne();
#endif
	if
	:: d_step { owner == NOBODY && waited -> waited = false; left = false; quiet = false } -> w = true     /* X7 */
	:: else -> w = false
	fi;
#ifndef BUG_WAKE_FIRST
	if :: w -> wakeOne() :: else fi
#endif
}

inline take() {
	left = false; quiet = false; last = me; inside++; assert(inside == 1)
}

inline lock() {
	slept = false;
	do
	:: !held[me];                                           /* a compare-and-swap is a fence */
		d_step { o = owner; w = waited; turn = (last == me && !left) };
		if
#ifdef BUG_BARGE
		:: o == NOBODY ->
#else
		:: o == NOBODY && (!w || slept || turn) ->
#endif
			if
			:: d_step { owner == o && waited == w ->        /* X1 */
				assert(!left || slept || turn);
				owner = me;
#ifndef BUG_BITLESS
				waited = w || slept;
#endif
				take() } -> break
			:: else
			fi
		:: else ->
#ifdef BUG_BARRIER_FIRST
			membarrier();
#endif
#ifdef BUG_PLAINBIT
			d_step { owner = o; waited = true; w = true };
#else
			if
			:: d_step { owner == o && waited == w -> waited = true; w = true }      /* X5 */
			:: else -> w = false
			fi;
#endif
			if
			:: w ->
#if !defined(BUG_NOBARRIER) && !defined(BUG_BARRIER_FIRST) && !defined(VARIANT_SWAP)
				membarrier();                   /* X6 */
#endif
				if
				:: atomic { owner == o && waited -> asleep[me] = true }
				:: else
				fi;
				if
				:: !asleep[me]
				:: timeout && quiet -> asleep[me] = false       /* the sleep runs out */
				fi;
				slept = true
			:: else
			fi
		fi
	od
}

inline unlock() {
#ifdef VARIANT_SWAP
	d_step { inside--; owner = NOBODY; w = waited };
#else
	d_step { inside--; held[me] = true };                   /* X2 */
	w = waited;
#endif
	if
	:: w ->
		!held[me];
		if
		:: true ->                                      /* who is quick gets it */
			clear()
		:: d_step { owner == NOBODY && waited -> quiet = true }         /* its turn goes on */
		:: d_step { owner == NOBODY && waited -> left = true } ->       /* its turn is over */
			wakeOne();
#ifndef BUG_LEFT
			if :: !woken -> clear() :: else fi      /* the bit was old */
#endif
		fi
	:: else
	fi
}

proctype writer(byte me, turns) {
	byte n, o; bool w, slept, turn, woken;
	do
	:: n < turns -> lock(); n++; unlock(); d_step { o = 0; w = false; slept = false; turn = false; woken = false }
	:: else -> break
	od
}

init {
	atomic { run writer(1, 2); run writer(2, 2); run writer(3, 1) }
}
