/*
Moving P back: after a reboot, or in a copy, the last records are not whole. The next writer cuts them off and publishes others in their
place. No reader is registered then, but observers are not counted: one of them may hold the P of before. What it delivers has at some
time been published.

  BUG_NO_EPOCH     the observer looks at O alone
  BUG_EARLY_C7     the epoch grows before P moves back
  BUG_LATE_C7      it grows after the next writer has begun to write
  BUG_EARLY_V2     the observer looks at the epoch before it copies
*/
#define RECORDS 3
#define WHOLE   1               /* records that stay */
#define TORN 255
#define OLD(i) ((i) + 1)
#define NEW(i) ((i) + 101)

byte cell[RECORDS];
byte published, epoch;
bool renewed[RECORDS];          /* NEW(i) has been published; nobody but the assertion looks */

proctype writer() {
	byte i;
#ifdef BUG_EARLY_C7
	epoch++;
#endif
	published = WHOLE;                                      /* C3 */
#if !defined(BUG_EARLY_C7) && !defined(BUG_LATE_C7)
	epoch++;                                                /* C7 */
#endif
	i = WHOLE;
	do
	:: i < RECORDS ->
		cell[i] = TORN;
		cell[i] = NEW(i);
#ifdef BUG_LATE_C7
		if :: i == WHOLE -> epoch++ :: else fi;
#endif
		d_step { renewed[i] = true; published = i + 1 };        /* W4 */
		i++
	:: else -> break
	od
}

proctype observer() {
	byte c, p, v, era, e;
	era = epoch;
	p = published;                                          /* R1 */
	do
	:: c < p ->
#ifdef BUG_EARLY_V2
		e = epoch; v = cell[c];
#else
		v = cell[c]; e = epoch;                         /* V1, V2 */
#endif
#ifdef BUG_NO_EPOCH
		e = era;
#endif
		if
		:: e == era -> assert(v == OLD(c) || v == NEW(c) && renewed[c]); c++
		:: else -> era = e; p = published               /* R1 */
		fi
	:: c == p -> p = published                              /* R1 */
	:: c > p -> break                                       /* what came next was cut */
	:: true -> break
	od
}

init {
	byte i;
	d_step {
		do :: i < RECORDS -> cell[i] = OLD(i); i++ :: else -> break od;
		published = RECORDS
	};
	atomic { run writer(); run observer() }
}
