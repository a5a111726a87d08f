/*
Eviction: in a ring made for it the writer drops a reader that holds it back, and goes on. The reader may be stopped anywhere, for good
or for a while; it copies first and looks afterwards whether it still has its slot.

The slot's word is 0 when free, 2 x generation + 1 when active, 2 x generation + 2 when evicted.

With VARIANT_SHARED two writers take turns under the mutex, and each goes by what it knew when it had it last. With VARIANT_MIRROR the writer
also copies each record beside published, and the reader takes it from there if the stamp says so.

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

#ifdef VARIANT_SHARED
#define WRITERS 2
#else
#define WRITERS 1
#endif

byte cell[CAPACITY];
byte published, oldest;
bool mutex;
byte stamp, mirror;
byte word, cursor;

inline scan(m) {
	w = word;
	if
	:: w % 2 == 1 -> m = cursor
	:: else -> m = published
	fi
}

active [WRITERS] proctype writer() {
	byte limit = CAPACITY, m, w;
	do
	:: atomic { !mutex -> mutex = true }                            /* X1 */
		if :: published >= RECORDS -> mutex = false; break :: else fi;
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
					if
					:: cursor == m ->       /* else it has moved since: the writer may have been stopped */
						if :: d_step { word == w -> word = EVICTED(w) } :: else fi /* S7 */
					:: else
					fi;
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
#ifdef VARIANT_MIRROR
		stamp = published + 1;                          /* M1 */
		mirror = TORN;
		mirror = published + 1;
#endif
		published++;                                    /* W4 */
		mutex = false                                   /* X2 */
	od
}

active proctype reader() {
	byte generation, mine, c, o, v;
#ifdef VARIANT_MIRROR
	byte p;
#endif
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
#ifdef VARIANT_MIRROR
			p = published;
			if
			:: p == c + 1 ->
				v = mirror;
				if
				:: stamp != p -> v = cell[c % CAPACITY]
				:: else                         /* M2 */
				fi
			:: else -> v = cell[c % CAPACITY]
			fi;
#else
			v = cell[c % CAPACITY];
#endif
			o = word;                               /* V1, V2 */
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
