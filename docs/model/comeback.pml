/*
Coming back: a durable reader that was evicted goes on under its name where records still are, and its first record says how many were
lost. It may die anywhere, and the next one of its name goes on. What it copies is whole (evict.pml); here it is the counting: no record is
passed over in silence, and none that was consumed counts as lost.

Positions and numbers are the same here: record c stands at c, from 0. sequence is a number + 1; 0: not known.

  BUG_LATE_S8    the writer evicts before it notes the number
  BUG_NO_OWED    the reader that comes back is told by what it finds, and nobody after it
  BUG_EARLY_S9   the reader is told no more before it has delivered anything
  BUG_LATE_S9    it stores its cursor before it takes the owed bit off
  BUG_FORGET     the writer notes the number of a reader that is owed an earlier one
  BUG_UNMARKED   the reader that comes back moves its cursor before the slot says that it is owed
  BUG_RAISE      a reader that was there all the time follows oldest when it is opened
*/
#define CAPACITY 2
#define RECORDS  5
#define LIVES    3

#define ACTIVE  0
#define EVICTED 1

byte published, oldest;
byte state, generation, cursor, sequence;       /* the slot; state, generation and owed are one word */
bool owed;

byte told;      /* every record before it was delivered, or told as lost */
byte used;      /* every record before it was consumed while the writer saw it */
bool noting;    /* the writer has looked at the cursor and not yet evicted: what is consumed now counts as lost */

inline note() {
	if
#ifdef BUG_FORGET
	:: true -> sequence = c + 1
#else
	:: o -> skip
	:: !o -> sequence = c + 1                               /* S8 */
#endif
	fi
}

active proctype writer() {
	byte limit = CAPACITY, m, c, g;
	bool o, s;
	do
	:: published < RECORDS ->
		do
		:: published < limit -> break
		:: else ->
			d_step { s = state; g = generation; o = owed; noting = true };
			c = cursor;
			m = (s == ACTIVE -> c : published);
			if
			:: published + 1 > m + CAPACITY ->
				if
				:: state != ACTIVE || generation != g || cursor != c    /* it moved, or came again */
				:: true ->                                              /* it took too long */
#ifndef BUG_LATE_S8
					note();
#endif
					if
					:: d_step { state == ACTIVE && generation == g && owed == o -> state = EVICTED } /* S7 */
#ifdef BUG_LATE_S8
						; if :: note() :: skip fi       /* it may die here, and another goes on */
#endif
					:: else
					fi
				fi;
				noting = false
			:: else ->
				noting = false;
				if
				:: published + 1 - CAPACITY > oldest -> oldest = published + 1 - CAPACITY /* W1 */
				:: else
				fi;
				s = state;                                      /* W3 */
				m = (s == ACTIVE -> cursor : published);
				limit = (oldest < m -> oldest : m) + CAPACITY
			fi
		od;
		published++                                                     /* W4 */
	:: else -> break
	od
}

#define MINE (state == ACTIVE && generation == mine)

active proctype reader() {
	byte life, mine, c, o, lost;
	bool owes;
	do
	:: life < LIVES ->
		life++;
		if
		:: state == EVICTED ->                                          /* nobody else changes the word */
			c = cursor;
			if
			:: oldest <= c ->
				if
				:: owed -> skip
				:: !owed -> sequence = c + 1                    /* S8 */
				fi
			:: else ->
				c = oldest;
#ifndef BUG_UNMARKED
				owed = (sequence != 0)                          /* S0: the cursor no longer says how far it was */
#endif
			fi;
			if :: goto next :: skip fi;
			cursor = c;                                             /* S1 */
			if :: goto next :: skip fi;
			d_step { state = ACTIVE; generation++; owed = (sequence != 0); mine = generation } /* S0, S1 */
		:: d_step { state == ACTIVE -> generation++; mine = generation } /* S0 */
			c = cursor
		fi;
#ifdef BUG_NO_OWED
		d_step { owes = owed; if :: MINE -> owed = false :: else fi };
#else
		owes = owed;
#endif
		do
#ifdef BUG_RAISE
		:: o = oldest;
#else
		:: !owes -> break                                               /* the writer counted it all the time, also below oldest */
		:: owes ->
			o = oldest;                                             /* S3 */
#endif
			if :: o <= c -> break :: else -> c = o; cursor = c fi
		od;
		lost = 0;
		if
		:: owes && sequence != 0 && sequence <= c + 1 -> lost = c + 1 - sequence
		:: else
		fi;
#ifdef BUG_EARLY_S9
		d_step { owes = false; if :: MINE -> owed = false :: else fi };
#endif
		do
		:: goto next                                                    /* it dies */
		:: c < published ->                                             /* R1 */
			if
			:: MINE ->                                              /* V2 */
				assert(c <= told + lost);                       /* nothing is passed over in silence */
				assert(c >= used + lost);                       /* nothing consumed is told as lost */
				if :: c + 1 > told -> told = c + 1 :: else fi;
				lost = 0;
				if :: goto next :: skip fi;
#ifndef BUG_LATE_S9
				if
				:: owes -> d_step { owes = false; if :: MINE -> owed = false :: else fi } /* S9 */
				:: else
				fi;
				if :: goto next :: skip fi;
#endif
				c++;
				d_step { cursor = c; if :: MINE && !noting -> used = c :: else fi }; /* R2 */
#ifdef BUG_LATE_S9
				if :: goto next :: skip fi;
				d_step { owes = false; if :: MINE -> owed = false :: else fi }
#endif
			:: else ->                                              /* evicted: it leaves */
				if :: !owes -> sequence = c + 1 :: else fi;     /* S8 */
				if :: goto next :: skip fi;
				cursor = c;
				break
			fi
		od;
next:		skip
	:: else -> break
	od
}
