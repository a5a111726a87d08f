/*
The wake word: bit 0 says that somebody sleeps, the other bits count. Two readers wait for records. The writer may die between any two
steps, but not the last one; the next one wakes everybody when it opens. No sleep has a time-out here: a sleeper that nobody wakes is
an invalid end state.

  VARIANT_TWO_WAKERS  one sleeper and two wakers (the space wake word: readers wake the writer)

  BUG_NOLOOK          the sleeper does not look again after it has set the bit (Z3)
  BUG_NOCOUNT         the waker clears the bit and does not count
  BUG_PLAIN_OR        the bit is set by a load and a store (Z1)
  BUG_WAKE_FIRST      the waker wakes, then changes the word (Z4)
  BUG_NOOPEN          who opens does not wake
*/
#ifdef VARIANT_TWO_WAKERS
#define SLEEPERS 1
#define WAKERS   2
#define LIVES    1
#else
#define SLEEPERS 2
#define WAKERS   1
#define LIVES    2
#endif
#define RECORDS 2               /* of each waker */
#define ALL (RECORDS * WAKERS)

byte word;
byte published;
bool asleep[SLEEPERS];          /* in the kernel */
#ifdef BUG_NOCOUNT
#define ROUSED(w) ((w) & 254)
#else
#define ROUSED(w) (((w) + 2) & 254)
#endif

inline wakeAll() {
	d_step {
		i = 0;
		do :: i < SLEEPERS -> asleep[i] = false; i++ :: else -> break od;
		i = 0
	}
}

proctype waker() {
	byte life, w, n, i;
	do
	:: life < LIVES ->
#ifndef BUG_NOOPEN
		w = word;
		if :: d_step { word == w -> word = ROUSED(w) } :: else fi;      /* a sleeper's OR may be lost: it looks after it */
		wakeAll();
#endif
		do
		:: n < RECORDS ->
			d_step { published++; n++ };                    /* W4 */
			if :: life < LIVES - 1 -> goto dead :: true fi;
			w = word;                                       /* W5 */
			if
			:: w & 1 ->
#ifdef BUG_WAKE_FIRST
				wakeAll();
#endif
				if
				:: d_step { word == w -> word = ROUSED(w) } ->  /* Z4 */
					if :: life < LIVES - 1 -> goto dead :: true fi;
#ifndef BUG_WAKE_FIRST
					wakeAll()
#endif
				:: else                                 /* another waker has done it, and wakes */
				fi
			:: else
			fi
		:: else -> break
		od;
dead:		life++
	:: else -> break
	od
}

proctype sleeper(byte me) {
	byte c, w;
	do
	:: c < ALL ->
		if
		:: c < published -> c++
		:: else ->
#ifdef BUG_PLAIN_OR
			w = word; w = w | 1; word = w;
#else
			d_step { w = word | 1; word = w };              /* Z1 */
#endif
#ifndef BUG_NOLOOK
			if
			:: c < published                                /* Z3 */
			:: else ->
#endif
				if
				:: atomic { word == w -> asleep[me] = true }    /* FUTEX_WAIT compares and sleeps in one */
				:: else
				fi;
				!asleep[me]
#ifndef BUG_NOLOOK
			fi
#endif
		fi
	:: else -> break
	od
}

init {
	byte i;
	atomic {
		do :: i < SLEEPERS -> run sleeper(i); i++ :: else -> break od;
		i = 0;
		do :: i < WAKERS -> run waker(); i++ :: else -> break od
	}
}
