/*
Waking without the waker's fence. W4 (or R2) goes through the waker's store buffer and becomes visible at any time later. Either the waker
waits for that before it looks at the wake word, or the sleeper makes it happen: membarrier is a full fence in every thread of every
registered process. No sleep has a time-out here but in slices: a sleeper that nobody wakes is an invalid end state.

The model as it is: the waker has a fence, the sleeper no membarrier.

  VARIANT_FENCELESS     the waker has no fence and is registered, the sleeper calls membarrier
  VARIANT_BOTH          fence and membarrier: a waker that could not register
  VARIANT_SLICES        neither, but the sleeper sleeps in slices: it wakes by itself
  VARIANT_FENCELESS_WORD  a waker with a fence is followed by one without, which says so in the fenceless word (Z5) before it
                        publishes. The sleeper has no membarrier; it sleeps in slices only if the word is 1

  BUG_NEITHER           no fence and no membarrier
  BUG_UNREGISTERED      no fence, and membarrier does not reach the waker
  BUG_BARRIER_FIRST     membarrier before the bit is set
  BUG_BARRIER_LAST      membarrier after the last look
  BUG_LATE_Z5           the fenceless word is stored after the first publication without a fence
  BUG_EARLY_WORD        the sleeper loads the fenceless word before it sets the bit
*/
#if defined(VARIANT_FENCELESS) || defined(BUG_BARRIER_FIRST) || defined(BUG_BARRIER_LAST) || defined(BUG_UNREGISTERED)
#define MEMBARRIER
#elif defined(VARIANT_BOTH)
#define FENCE
#define MEMBARRIER
#elif defined(VARIANT_FENCELESS_WORD) || defined(BUG_LATE_Z5) || defined(BUG_EARLY_WORD)
#define FENCELESS_WORD
#elif !defined(BUG_NEITHER) && !defined(VARIANT_SLICES)
#define FENCE
#endif
#define RECORDS 3

byte word;
byte published;
bool held; byte next;           /* the waker's store buffer */
bool asleep;
#ifdef FENCELESS_WORD
bool fenceless;
#endif

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

#ifdef FENCELESS_WORD
/* Opening: everything here is a full fence. */
inline open() {
	!held;
	bare = true;
#ifndef BUG_LATE_Z5
	fenceless = true;                                       /* Z5 */
#endif
	d_step { word = (word + 2) & 254; asleep = false }
}
#endif

active proctype waker() {
	byte n, w;
#ifdef FENCELESS_WORD
	bool bare;                                              /* no fence of its own */
#endif
	do
	:: n < RECORDS ->
#ifdef FENCELESS_WORD
		if
		:: !bare -> open()                         /* here the second waker begins */
		:: true
		fi;
#endif
		n++;
		!held;
		atomic { next = n; held = true };               /* W4, R2 */
#ifdef FENCE
		!held;
#endif
#ifdef FENCELESS_WORD
		bare || !held;
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
		fi;
#ifdef BUG_LATE_Z5
		fenceless = bare;
#endif
	:: else -> break
	od
}

active proctype sleeper() {
	byte c, w;
#ifdef FENCELESS_WORD
	bool slices;
#endif
	do
	:: c < RECORDS ->
		if
		:: c < published -> c++
		:: else ->
#ifdef BUG_EARLY_WORD
			slices = fenceless;
#endif
#if defined(MEMBARRIER) && defined(BUG_BARRIER_FIRST)
			membarrier();
#endif
			d_step { w = word | 1; word = w };      /* Z1 */
#if defined(MEMBARRIER) && !defined(BUG_BARRIER_FIRST) && !defined(BUG_BARRIER_LAST)
			membarrier();                           /* Z2 */
#endif
#if defined(FENCELESS_WORD) && !defined(BUG_EARLY_WORD)
			slices = fenceless;
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
#ifdef FENCELESS_WORD
				:: asleep && slices -> asleep = false
#endif
				fi
			fi
		fi
	:: else -> break
	od
}
