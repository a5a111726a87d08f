/*
The mirror: a copy of the record that ends at P, beside P, named by a stamp. The writer may die at any step; the next one goes on at P and
may publish another record under the same number. It writes the mirror or not, as it likes. The reader owns its bytes of the data region.

  BUG_NOCLEAR    M0 left out
  BUG_LATE_M1    the stamp is stored after the copy
  BUG_EARLY_M2   the reader looks at the stamp before it copies
  BUG_NOSTAMP    it does not look at the stamp
*/
#define RECORDS 4
#define WRITERS 3
#define VALUE(record, writer) ((record) * WRITERS + (writer) + 1)
#define MAYDIE if :: goto dead :: true fi

byte published;
byte stamp;                     /* end of the record that the mirror holds, or is about to hold; 0: none */
byte mirror0, mirror1;          /* its bytes: two words, so that they can tear */
byte cell[RECORDS];             /* the data region, large enough here */
byte truth[RECORDS];            /* what was published */

active proctype writer() {
	byte who, p, v;
	do
	:: who < WRITERS ->
#ifndef BUG_NOCLEAR
		stamp = 0;                                      /* M0 */
#endif
		MAYDIE;
		p = published;
		do
		:: p < RECORDS ->
			v = VALUE(p, who);
			cell[p] = v;
			MAYDIE;
			if
			:: true ->
#ifndef BUG_LATE_M1
				stamp = p + 1;                  /* M1: what the mirror held is gone */
				MAYDIE;
#endif
				mirror0 = v;
				MAYDIE;
				mirror1 = v;
				MAYDIE;
#ifdef BUG_LATE_M1
				stamp = p + 1;
				MAYDIE;
#endif
			:: true                                 /* no lease: the old stamp stays */
			fi;
			d_step { published = p + 1; truth[p] = v };     /* W4 */
			p++;
			MAYDIE
		:: else -> goto done
		od;
dead:		who++
	:: else -> break
	od;
done:	skip
}

active proctype reader() {
	byte c, p, a, b; bool same;
	do
	:: c < RECORDS ->
		p = published;                                  /* R1 */
		if
		:: p == c + 1 ->
#ifdef BUG_EARLY_M2
			same = (stamp == p); a = mirror0; b = mirror1;
#else
			a = mirror0; b = mirror1; same = (stamp == p);  /* M2 */
#endif
#ifdef BUG_NOSTAMP
			same = true;
#endif
			if
			:: same -> assert(a == b && a == truth[c])
			:: else -> assert(cell[c] == truth[c])
			fi;
			c++
		:: p > c + 1 -> assert(cell[c] == truth[c]); c++
		:: else
		fi
	:: true -> break
	od
}
