/*
Waking without the waker's fence. W4 (or R2) goes through the waker's store buffer and becomes visible at any time later. Either the waker
waits for that before it looks at the wake word, or the sleeper makes it happen: membarrier is a full fence in every thread of every
registered process. No sleep has a time-out here but in one variant: a sleeper that nobody wakes is an invalid end state.

The model as it is: the waker has a fence, the sleeper no membarrier.

  VARIANT_FENCELESS     the waker has no fence and is registered, the sleeper calls membarrier
  VARIANT_BOTH          fence and membarrier: a waker that could not register
  VARIANT_SLICES        neither, but the sleeper sleeps in slices: it wakes by itself

  BUG_NEITHER           no fence and no membarrier
  BUG_UNREGISTERED      no fence, and membarrier does not reach the waker
  BUG_BARRIER_FIRST     membarrier before the bit is set
  BUG_BARRIER_LAST      membarrier after the last look
*/
#if defined(VARIANT_FENCELESS) || defined(BUG_BARRIER_FIRST) || defined(BUG_BARRIER_LAST) || defined(BUG_UNREGISTERED)
#define MEMBARRIER
#elif defined(VARIANT_BOTH)
#define FENCE
#define MEMBARRIER
#elif !defined(BUG_NEITHER) && !defined(VARIANT_SLICES)
#define FENCE
#endif
#define RECORDS 3

byte word;
byte published;
bool held; byte next;           /* the waker's store buffer */
bool asleep;

/* Drains the buffer of the waker, if it is registered. */
inline membarrier() {
#ifdef BUG_UNREGISTERED
	skip
#else
	d_step { if :: held -> published = next; held = false :: else fi }
#endif
}

active proctype buffer() {
end:	do
	:: atomic { held -> published = next; held = false }
	od
}

active proctype waker() {
	byte n, w;
	do
	:: n < RECORDS ->
		n++;
		!held;
		atomic { next = n; held = true };               /* W4, R2 */
#ifdef FENCE
		!held;
#endif
		w = word;                                       /* W5 */
		if
		:: w & 1 ->
			!held;                                  /* compare-and-swap is a fence */
			if
			:: d_step { word == w -> word = (w + 2) & 254 } -> asleep = false       /* Z4 */
			:: else
			fi
		:: else
		fi
	:: else -> break
	od
}

active proctype sleeper() {
	byte c, w;
	do
	:: c < RECORDS ->
		if
		:: c < published -> c++
		:: else ->
#if defined(MEMBARRIER) && defined(BUG_BARRIER_FIRST)
			membarrier();
#endif
			d_step { w = word | 1; word = w };      /* Z1 */
#if defined(MEMBARRIER) && !defined(BUG_BARRIER_FIRST) && !defined(BUG_BARRIER_LAST)
			membarrier();                           /* Z2 */
#endif
			if
			:: c < published                        /* Z3 */
			:: else ->
#ifdef BUG_BARRIER_LAST
				membarrier();
#endif
				if
				:: atomic { word == w -> asleep = true }
				:: else
				fi;
				if
				:: !asleep
#ifdef VARIANT_SLICES
				:: asleep -> asleep = false
#endif
				fi
			fi
		fi
	:: else -> break
	od
}
