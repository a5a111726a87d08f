/*
The end: a writer publishes and ends the ring; the next one may go on with it. A reader that has read everything stops only if the ring
had ended when there was nothing more.

  BUG_NOLOOK     P is not loaded again after ended
  BUG_EARLY_E1   ended is stored before the last record is published
*/
#define RECORDS 3

byte published;
bool ended;

active proctype writer() {
	do
	:: published < RECORDS - 1 -> published++               /* W4 */
	:: published == RECORDS - 1 -> break
	od;
#ifdef BUG_EARLY_E1
	ended = true;
	published++
#else
	published++;                                            /* W4 */
	ended = true                                            /* E1 */
#endif
}

active proctype reader() {
	byte c, p;
	do
	:: p = published;                                       /* R1 */
		if
		:: c < p -> c++
		:: else ->
			if
			:: ended ->                             /* E2 */
#ifndef BUG_NOLOOK
				p = published;                  /* E3 */
#endif
				if :: p == c -> break :: else fi
			:: else
			fi
		fi
	od;
	assert(c == RECORDS)
}
