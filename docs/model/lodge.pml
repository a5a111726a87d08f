/*
One sleeper for all goroutines of a process that wait on one word of a ring. The porter sleeps in the kernel, the guests in the process.
When the porter's sleep is over, and the word is another one, it wakes all guests; else, when its sleep was over for a reason of its own
(a time-out, a cancellation), it makes one of the guests porter. A guest may leave for such a reason, too. Those reasons come a few times
only, so that none of them helps in the end: when nothing can happen any more, everybody must have read everything, and wait for more.
The waker's memory is in order here: what a store buffer does to it is in membarrier.pml.

  BUG_STALE           a guest does not compare the word with the value that it has of it
  BUG_ONE             the porter wakes one guest alone
  BUG_BLIND           the porter does not look at the word: it makes a guest porter, whatever ended its sleep for a reason of its own
  BUG_EARLY           it looks at the word before it takes the lock
  BUG_GONE            the porter goes and makes nobody porter
  BUG_KEPT            a guest that was made porter while it was leaving tells nobody
*/
#define SLEEPERS 3
#define RECORDS 1
#define REASONS 2               /* sleeps that end by themselves, together */

byte word;
byte published;
byte c[SLEEPERS];               /* how far each has read */
byte reasons;
byte porter;                    /* its number + 1; 0: nobody. Guarded by the lock, as guest is */
bool guest[SLEEPERS];
bool rung[SLEEPERS];            /* the bell of a guest */
bool asleep[SLEEPERS];          /* in the kernel */

active proctype waker() {
	byte n, w, i;
	do
	:: n < RECORDS ->
		n++;
		published = n;                                  /* W4 */
		w = word;                                       /* W5 */
		if
		:: w & 1 ->
			if
			:: d_step { word == w -> word = (w + 1) & 255 } ->      /* Z4 */
				d_step {
					i = 0;
					do :: i < SLEEPERS -> asleep[i] = false; i++ :: else -> break od;
					i = 0
				}
			:: else
			fi
		:: else
		fi
	:: else -> break
	od
}

/* The porter goes. All of it is under the lock, but the look at the word, if that is early. */
inline leave() {
#ifdef BUG_EARLY
	changed = (word != w);
#endif
	d_step {
#if defined(BUG_BLIND)
		changed = woken;
#elif !defined(BUG_EARLY)
		changed = (word != w);                          /* Z7 */
#endif
		porter = 0;
		i = 0;
		do
		:: i < SLEEPERS && guest[i] && changed ->
			guest[i] = false; rung[i] = true; i++;
#ifdef BUG_ONE
			break
#endif
		:: i < SLEEPERS && guest[i] && !changed ->
#ifndef BUG_GONE
			guest[i] = false; rung[i] = true; porter = i + 1;
#endif
			break
		:: i < SLEEPERS && !guest[i] -> i++
		:: i >= SLEEPERS -> break
		od;
		i = 0; changed = false
	}
}

proctype sleeper(byte me) {
	byte w, i;
	bool changed, woken;
	do
	:: true ->
		if
		:: c[me] < published -> c[me]++
		:: else ->
			d_step { w = word | 1; word = w };      /* Z1 */
			if
			:: c[me] < published                    /* Z3 */
			:: else ->
				d_step {
					rung[me] = false;
					if
					:: porter == 0 -> porter = me + 1
#ifndef BUG_STALE
					:: porter != 0 && word != w             /* Z7, as FUTEX_WAIT compares */
#endif
					:: else -> guest[me] = true
					fi
				}
				if
				:: guest[me] || rung[me] ->
end_guest:				if
					:: rung[me]
					:: atomic { reasons < REASONS -> reasons++; woken = true }
					fi;
					guest[me] = false
				:: else
				fi;
#ifdef BUG_KEPT
				if
				:: porter == me + 1 && woken -> porter = 0; woken = false
				:: else -> skip
				fi;
#endif
				if
				:: porter == me + 1 ->
					if
					:: woken                        /* it was leaving */
					:: else ->
						if
						:: atomic { word == w -> asleep[me] = true }    /* FUTEX_WAIT */
						:: else
						fi;
end_porter:					if
						:: !asleep[me] -> woken = true
						:: atomic { asleep[me] && reasons < REASONS -> asleep[me] = false; reasons++ }
						fi
					fi;
					leave()
				:: else
				fi;
				woken = false
			fi
		fi
	od
}

/* When nothing can happen any more. */
active proctype monitor() {
	timeout -> assert(c[0] == RECORDS && c[1] == RECORDS && c[2] == RECORDS)
}

init {
	byte n;
	atomic { do :: n < SLEEPERS -> run sleeper(n); n++ :: else -> break od }
}
