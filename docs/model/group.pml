/*
A group: two members share one cursor K. A member writes its claim, of one record or two, into its own slot (G1) and then moves K over
it by compare-and-swap (G3). The writer keeps K and the claims. Records are done in any order; the claim's start moves up to the first
that is not (G5), and when all are done the claim is gone (G6). A claim that ends at K may become longer, in the same steps. Member 0 may die anywhere, or leave with a claim that it has begun;
member 1, which comes when it likes, then finishes that claim in the dead one's slot, whose byte it holds (G7). What has been given to a user is said before (G8, G9). Every record is done, a
wrong one is never delivered, none before K has passed it, and of all deliveries of a record at most one says that it is the first.

  BUG_CLAIMS_FIRST  the writer looks at the claims before it looks at K
  BUG_MEMBERS_SEEN  the writer looks at the claims only if it has seen a member before it looked at K
  BUG_LATE_CLAIM    a member moves K first and claims afterwards
  BUG_COPY          the claim of the dead is cleared, then delivered
  BUG_NO_OLDEST     who finishes it does not compare it with O
  BUG_NO_CLAMP      who finishes it goes beyond K
  BUG_EARLY_START   the start moves up to the record that is done, though one before it is not
  BUG_EARLY_END     a member sees the end though another has a claim
  BUG_UNMARKED      who finishes it says that it is the first
  BUG_EARLY_G8      a member says before it has won that nothing has been given to its user
  BUG_LONGER_UNMARKED  a claim becomes longer before all of it counts as given
  BUG_EARLY_LOWER   who did not win a longer claim says so before its end is what it was
  BUG_LATE_G9       a member does not say that it gives a record to its user
*/
#define CAPACITY 2
#define RECORDS  4
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

byte cell[CAPACITY];
byte published, oldest;
byte K;
bool joined[2];
byte claimStart[2], claimEnd[2];        /* end 0: no claim */
byte given[2];                          /* what lies before it has been given to a user */
byte fate;                              /* of member 0 */
#define DONE 1
#define DEAD 2
bool done[RECORDS];
byte first[RECORDS];                    /* deliveries that said so */

#define DELIVER(a, n)                                                                                                          \
	d_step { assert(K > (a)); assert(cell[(a) % CAPACITY] == (a) + 1); if :: (n) == 1 -> first[a]++; assert(first[a] < 2) :: else fi };      \
	assert(cell[(a) % CAPACITY] == (a) + 1)
#define MAYDIE if :: me == 0 -> fate = DEAD; goto gone :: true fi

inline claims(m) {
	i = 0;
	do
	:: i < 2 ->
		if
		:: joined[i] && claimEnd[i] != 0 ->
			m = MIN(m, claimStart[i])
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
#ifdef BUG_MEMBERS_SEEN
	seen = joined[0] || joined[1];
	m = K;
	if :: seen -> claims(m) :: else fi
#else
	m = K; claims(m)
#endif
#endif
}

active proctype writer() {
	byte limit = CAPACITY, m, i; bool seen;
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
	byte a, e, o, k; bool won;
	joined[me] = true;
	do
	:: me == 1 && fate == DEAD && claimEnd[0] != 0 ->               /* finish what the dead one left */
		a = claimStart[0];
		e = claimEnd[0];
		o = oldest;                                             /* G7 */
		k = K;                                                  /* G7 */
#ifdef BUG_NO_OLDEST
		o = 0;
#endif
		if
		:: a < o || a >= k                                      /* it never held */
		:: else ->
#ifndef BUG_NO_CLAMP
			e = MIN(e, k);
#endif
#ifdef BUG_COPY
			claimEnd[0] = 0;
#endif
			k = given[0];
#ifdef BUG_UNMARKED
			k = 0;
#endif
			do
			:: a < e -> DELIVER(a, (a < k -> 2 : 1)); done[a] = true; a++
			:: else -> break
			od
		fi;
		claimEnd[0] = 0                                         /* G6 */
	:: d_step { K < published -> a = K; k = published };            /* one load of each */
		if
		:: e = a + 1
		:: a + 2 <= k -> e = a + 2
		fi;
#ifndef BUG_EARLY_G8
		given[me] = e;                                          /* G1 */
#else
		given[me] = a;
#endif
#ifndef BUG_LATE_CLAIM
		claimStart[me] = a;                                     /* G1 */
		claimEnd[me] = e;                                       /* G1, G2 */
#endif
		MAYDIE;
		d_step { won = K == a; if :: won -> K = e :: else fi }; /* G3 */
		MAYDIE;
#ifdef BUG_LATE_CLAIM
		claimStart[me] = a;
		claimEnd[me] = e;
#endif
		if
		:: won ->
			given[me] = a;                                  /* G8 */
			MAYDIE;
#ifndef BUG_LATE_G9
			given[me] = a + 1;                              /* G9 */
			MAYDIE;
#endif
			DELIVER(a, 1);
			MAYDIE;
			if
			:: e == a + 1 -> done[a] = true
			:: e == a + 1 && K == e && e < published ->     /* the claim becomes longer */
#ifndef BUG_LONGER_UNMARKED
				given[me] = e + 1;                      /* G1 */
				MAYDIE;
#endif
				claimEnd[me] = e + 1;                   /* G1, G2 */
				MAYDIE;
				d_step { won = K == e; if :: won -> K = e + 1 :: else fi };     /* G3 */
				MAYDIE;
				if
				:: won ->
					given[me] = e;                  /* G8 */
					MAYDIE;
					given[me] = e + 1;              /* G9 */
					DELIVER(e, 1);
					done[e] = true;
					MAYDIE
				:: else ->
#ifdef BUG_EARLY_LOWER
					given[me] = e;
					MAYDIE;
#endif
					claimEnd[me] = e;               /* G4 */
					MAYDIE;
					given[me] = e                   /* G8 */
				fi;
				done[a] = true
			:: e == a + 2 ->
				done[a] = true;
				claimStart[me] = a + 1;                 /* G5 */
				if
				:: me == 0 -> fate = DEAD; goto gone    /* it leaves */
				:: true
				fi;
				given[me] = a + 2;                      /* G9 */
				DELIVER(a + 1, 1);
				MAYDIE;
				done[a + 1] = true
			:: e == a + 2 ->
				given[me] = a + 2;                      /* G9 */
				DELIVER(a + 1, 1);
				done[a + 1] = true;
#ifdef BUG_EARLY_START
				claimStart[me] = a + 2;
#endif
				MAYDIE;
				done[a] = true
			fi
		:: else                                                 /* the other was faster */
		fi;
		claimEnd[me] = 0                                        /* G4, G6 */
	:: K == RECORDS ->
		if
#ifdef BUG_EARLY_END
		:: true -> break
#endif
		:: claimEnd[1 - me] == 0 -> break
		:: else
		fi
	od;
	if
	:: me == 0 -> fate = DONE
	:: else ->
		a = 0;
		do
		:: a < RECORDS -> assert(done[a]); a++
		:: else -> break
		od
	fi;
gone:	skip
}

init {
	atomic { run member(0); run member(1) }
}
