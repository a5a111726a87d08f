/*
A group: two members share one cursor K. A member writes its claim into its own slot and then moves K over it by compare-and-swap. The
writer keeps K and the claims. Member 0 may die anywhere; member 1 then finishes the dead one's claim in the dead one's
slot, whose byte it holds. Every record is delivered at least once, and never a wrong one.

  BUG_CLAIMS_FIRST  the writer looks at the claims before it looks at K
  BUG_LATE_CLAIM    a member moves K first and claims afterwards
  BUG_COPY          the claim of the dead is cleared, then delivered
  BUG_NO_OLDEST     who finishes it does not compare it with O
*/
#define CAPACITY 2
#define RECORDS  5
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

byte cell[CAPACITY];
byte published, oldest;
byte K;
byte claimStart[2], claimEnd[2];        /* end 0: no claim */
byte fate;                              /* of member 0 */
#define DONE 1
#define DEAD 2
byte got[RECORDS];                      /* how often each was delivered */

#define DELIVER(a) assert(cell[(a) % CAPACITY] == (a) + 1); assert(cell[(a) % CAPACITY] == (a) + 1); got[a]++
#define MAYDIE if :: me == 0 -> fate = DEAD; goto gone :: true fi

inline claims(m) {
	i = 0;
	do
	:: i < 2 ->
		if
		:: claimEnd[i] != 0 -> m = MIN(m, claimStart[i])
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

inline scan(m) {
#ifdef BUG_CLAIMS_FIRST
	m = 255; claims(m); m = MIN(m, K)
#else
	m = K; claims(m)
#endif
}

active proctype writer() {
	byte limit = CAPACITY, m, i;
	do
	:: published < RECORDS ->
		do
		:: published < limit -> break
		:: else ->
			scan(m);
			if
			:: published + 1 > m + CAPACITY
			:: else ->
				oldest = MAX(oldest, published + 1 - CAPACITY);         /* W1, W2 */
				scan(m);                                                /* W3 */
				limit = MIN(oldest, m) + CAPACITY
			fi
		od;
		cell[published % CAPACITY] = 255;
		cell[published % CAPACITY] = published + 1;
		published++                                                     /* W4 */
	:: else -> break
	od
}

proctype member(byte me) {
	byte a, o, i; bool won;
	do
	:: me == 1 && fate == DEAD && claimEnd[0] != 0 ->               /* finish what the dead one left */
		a = claimStart[0];
#ifndef BUG_NO_OLDEST
		o = oldest;
#endif
		if
		:: a < o || a >= K                                      /* it never held */
		:: else ->
#ifdef BUG_COPY
			claimEnd[0] = 0;
#endif
			DELIVER(a)
		fi;
		claimEnd[0] = 0
	:: atomic { K < published -> a = K };                           /* one load of K */
#ifndef BUG_LATE_CLAIM
		claimStart[me] = a;
		claimEnd[me] = a + 1;
#endif
		MAYDIE;
		if
		:: d_step { K == a -> K = a + 1 } ->
			MAYDIE;
#ifdef BUG_LATE_CLAIM
			claimStart[me] = a;
			claimEnd[me] = a + 1;
#endif
			DELIVER(a);
			MAYDIE
		:: else                                                 /* the other was faster */
		fi;
		claimEnd[me] = 0
	:: K == RECORDS && (me == 0 || fate == DONE || fate == DEAD && claimEnd[0] == 0) -> break
	od;
	if
	:: me == 0 -> fate = DONE
	:: else ->
		do
		:: i < RECORDS -> assert(got[i] > 0); i++
		:: else -> break
		od
	fi;
gone:	skip
}

init {
	atomic { run member(0); run member(1) }
}
