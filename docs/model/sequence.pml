/*
The number of the next record: it stands in a word that is right only after a clean close or when O = P; otherwise it follows from the
last record. Writers die anywhere, close cleanly, and follow each other. Record n must be the one at position n - 1.

  BUG_LATE_N1      next sequence is stored after O
  BUG_NO_N1        it is stored at Close alone
  BUG_EARLY_N2     clean is stored before next sequence
  BUG_NO_C1        the next writer leaves clean = 1
  BUG_WORD         the word is taken as right, clean or not
*/
#define RECORDS 5
#define WRITERS 3
#define MAYDIE if :: goto dead :: true fi

byte published, oldest;
byte next = 1;                  /* next sequence */
bool clean = true;
byte head[RECORDS];             /* the sequence in each record's head */

active proctype writer() {
	byte who, n;
	do
	:: who < WRITERS ->
		if
		:: clean -> n = next
#ifndef BUG_WORD
		:: !clean && oldest < published -> n = head[published - 1] + 1
		:: !clean && oldest == published -> n = next
#else
		:: !clean -> n = next
#endif
		fi;
#ifndef BUG_NO_C1
		clean = false;                                  /* C1 */
#endif
		MAYDIE;
		next = n;                                       /* C2 */
		MAYDIE;
		do
		:: published < RECORDS ->
			if
			:: true ->                              /* a large record: nothing before it stays */
#ifndef BUG_NO_N1
#ifdef BUG_LATE_N1
				oldest = published; MAYDIE; next = n;
#else
				next = n; MAYDIE; oldest = published;   /* N1, W1 */
#endif
#else
				oldest = published;
#endif
				MAYDIE
			:: true
			fi;
			assert(n == published + 1);
			head[published] = n;
			MAYDIE;
			published++;                            /* W4 */
			n++;
			MAYDIE
		:: true ->                                      /* Close */
#ifdef BUG_EARLY_N2
			clean = true; MAYDIE; next = n;
#else
			next = n; MAYDIE; clean = true;         /* N1, N2 */
#endif
			break
		od;
dead:		who++
	:: else -> break
	od
}
