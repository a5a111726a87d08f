/*
One sleep for two rings: the sleeper sets the bit in both wake words, makes one fence for both wakers, looks at both rings, and sleeps on
both words. Each waker's store goes through a buffer of its own and is not followed by a fence (membarrier.pml). futex_waitv takes the
words one after the other: it compares, and from then on a wake-up of that word counts. No sleep has a time-out here: when nothing can happen
any more, everything must have been read.

  BUG_BARRIER_FIRST   the fence comes between the two bits
  BUG_LOOK_FIRST      the sleeper looks at the first ring before the fence
  BUG_ONE_LOOK        it looks at the ring alone that it was woken for last
  BUG_ONE_WORD        it sleeps on the first word alone
  BUG_OLD_VALUE       it sleeps on the values that the words have when it has looked
*/
#define RECORDS 2               /* in each ring */

byte word[2];
byte published[2];
bool held[2]; byte next[2];     /* the store buffer of each waker */
bool queued[2];                 /* a wake-up of that word ends the sleep */
bool woken;
byte c[2];                      /* how far the sleeper has read */

/* Drains the buffers of both. */
inline membarrier() {
	d_step {
		if :: held[0] -> published[0] = next[0]; held[0] = false :: else fi;
		if :: held[1] -> published[1] = next[1]; held[1] = false :: else fi
	}
}

proctype buffer(byte r) {
end:	do
	:: atomic { held[r] -> published[r] = next[r]; held[r] = false }
	od
}

proctype waker(byte r) {
	byte n, w;
	do
	:: n < RECORDS ->
		n++;
		!held[r];
		atomic { next[r] = n; held[r] = true };         /* W4 */
		w = word[r];                                    /* W5 */
		if
		:: w & 1 ->
			!held[r];                               /* compare-and-swap is a fence */
			if
			:: d_step { word[r] == w -> word[r] = w + 1 } ->        /* Z4 */
				d_step { if :: queued[r] -> woken = true :: else fi }
			:: else
			fi
		:: else
		fi
	:: else -> break
	od
}

#define NEWS(r) (c[r] < published[r])

active proctype sleeper() {
	byte w[2], last;
	do
	:: NEWS(0) -> c[0]++; last = 0
	:: NEWS(1) -> c[1]++; last = 1
	:: else ->
		d_step { w[0] = word[0] | 1; word[0] = w[0] };  /* Z1 */
#ifdef BUG_BARRIER_FIRST
		membarrier();
#endif
#ifdef BUG_LOOK_FIRST
		if :: NEWS(0) -> goto again :: else fi;
#endif
		d_step { w[1] = word[1] | 1; word[1] = w[1] };  /* Z1 */
#ifndef BUG_BARRIER_FIRST
		membarrier();                                   /* Z2 */
#endif
#if defined(BUG_LOOK_FIRST)
		if :: NEWS(1) -> goto again :: else fi;
#elif defined(BUG_ONE_LOOK)
		if :: NEWS(last) -> goto again :: else fi;
#else
		if :: NEWS(0) || NEWS(1) -> goto again :: else fi;      /* Z3 */
#endif
#ifdef BUG_OLD_VALUE
		w[0] = word[0]; w[1] = word[1];
#endif
		if
		:: d_step { word[0] == w[0] -> queued[0] = true }
		:: else -> goto again
		fi;
#ifndef BUG_ONE_WORD
		if
		:: d_step { word[1] == w[1] -> queued[1] = true }
		:: else -> goto again
		fi;
#endif
end:		woken;
again:		skip;
		d_step { queued[0] = false; queued[1] = false; woken = false }
	od
}

/* When nothing can happen any more. */
active proctype monitor() {
	timeout -> assert(c[0] == RECORDS && c[1] == RECORDS)
}

init {
	atomic { run buffer(0); run buffer(1); run waker(0); run waker(1) }
}
