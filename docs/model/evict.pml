/*
Eviction: in a ring made for it the writer drops a reader that holds it back, and goes on. The reader may be stopped anywhere, for good
or for a while; it copies first and looks afterwards whether it still has its slot.

The slot's word is 0 when free, 2 x generation + 1 when active, 2 x generation + 2 when evicted.

  BUG_TRUST     the reader does not look again
  BUG_EARLY_V2  it looks before it copies
  BUG_PLAIN     the writer evicts by a plain store: it hits the slot's next owner
  BUG_NORESCAN  the writer goes on as far as it decided before it evicted
*/
#define CAPACITY 2
#define RECORDS  5
#define VISITS   2
#define TORN 255
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define ACTIVE(generation) (2 * (generation) + 1)
#define EVICTED(w) ((w) + 1)

byte cell[CAPACITY];
byte published, oldest;
byte word, cursor;

inline scan(m) {
	w = word;
	if
	:: w % 2 == 1 -> m = cursor
	:: else -> m = published
	fi
}

active proctype writer() {
	byte limit = CAPACITY, m, w;
	do
	:: published < RECORDS ->
		do
		:: published < limit -> break
		:: else ->
			scan(m);
			if
			:: published + 1 > m + CAPACITY ->      /* full */
				if
				:: word != w || cursor != m     /* it moved, or left */
				:: true ->                      /* it took too long */
#ifdef BUG_PLAIN
					word = EVICTED(w);
#else
					if :: d_step { word == w -> word = EVICTED(w) } :: else fi; /* S7 */
#endif
#ifdef BUG_NORESCAN
					limit = published + 1
#endif
				fi
			:: else ->
				if
				:: published + 1 - CAPACITY > oldest -> oldest = published + 1 - CAPACITY /* W1 */
				:: else
				fi;
				scan(m);                        /* W3 */
				limit = MIN(oldest, m) + CAPACITY
			fi
		od;
		cell[published % CAPACITY] = TORN;
		cell[published % CAPACITY] = published + 1;
		published++                                     /* W4 */
	:: else -> break
	od
}

active proctype reader() {
	byte generation, mine, c, o, v;
	do
	:: generation < VISITS ->
		generation++;
		c = oldest;
		cursor = c;
		mine = ACTIVE(generation);
		word = mine;                                    /* S1, S2 */
		do
		:: o = oldest;                                  /* S3 */
			if :: o <= c -> break :: else -> c = o; cursor = c fi
		od;
		do
		:: c < published ->                             /* R1 */
#ifdef BUG_EARLY_V2
			o = word; v = cell[c % CAPACITY];
#else
			v = cell[c % CAPACITY]; o = word;       /* V1, V2 */
#endif
#ifdef BUG_TRUST
			o = mine;
#endif
			if
			:: o == mine -> assert(v == c + 1); c++; cursor = c /* R2; harmless if it comes late: the slot is ours */
			:: else -> assert(o == EVICTED(mine)); break    /* and nobody else was meant */
			fi
		:: true -> break
		od;
		word = 0                                        /* S5: we hold the byte */
	:: true -> break                                        /* stopped for good */
	od
}
