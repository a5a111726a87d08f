/*
The ring: publish, read, register, observe, take over.

One writer publishes one or two records at a time; it may die between any two stores and is followed by the next one, which goes on
at P. One reader registers, reads, leaves or dies (its slot is freed), and comes again.

A record is one position long. It overwrites its cell in two steps, so that half of it can be seen. W1 and S1 go through a store
buffer and become visible at any time later; a full fence waits until they are. Everything else is in order, as release and acquire
make it.

  VARIANT_OBSERVER  an observer in the reader's place: it writes nothing, so the two need not be seen together

  BUG_NOFENCE_W2    the writer looks at the cursors before its O is visible
  BUG_NOFENCE_S2    the reader looks at O before its cursor is visible
  BUG_NORESCAN      W3 left out: the cursors of before W1 are used
  BUG_LATE_W1       W3 before W1
  BUG_NORAISE       S3 left out
  BUG_OPEN_OLDEST   the next writer trusts O alone and does not look at the cursors
  BUG_OLDEST_BACK   O may decrease
  BUG_EARLY_V2      the observer looks at O before it copies
*/
#ifdef BUG_EARLY_V2
#define VARIANT_OBSERVER
#endif

#define CAPACITY 3
#define RECORDS  6
#define WRITERS  2
#define VISITS   2              /* of the reader */
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define VALUE(record, writer) (10 * (writer) + (record))
#define TORN 255
#define MAYDIE if :: goto dead :: true fi

byte cell[CAPACITY];            /* the data region */
byte truth[RECORDS];            /* what was published; nobody but the assertions looks */
byte published, oldest;
byte cursor; bool registered;       /* the slot */

bool oldestHeld; byte oldestNext;       /* the writer's store buffer: W1 */
bool slotHeld; byte cursorNext;         /* the reader's: S1 */

active proctype buffers() {
end:    do
        :: atomic { oldestHeld -> oldest = oldestNext; oldestHeld = false }
        :: atomic { slotHeld -> cursor = cursorNext; registered = true; slotHeld = false }
        od
}

/* The smallest cursor that counts, or P. */
inline scan(m) {
        if
        :: registered -> m = cursor
        :: else -> m = published
        fi
}

inline giveAway(o) {
        if
        :: o > old -> old = o; atomic { oldestNext = o; oldestHeld = true } /* W1 */
        :: else
        fi
}

inline advance() {
        scan(m);
        if
        :: end_ > m + CAPACITY ->                               /* full: wait until something changes */
                if :: !registered || cursor != m :: goto dead fi
        :: else ->
                if
                :: b = end_ - CAPACITY
                :: end_ + 1 - CAPACITY <= m -> b = end_ + 1 - CAPACITY
                fi;
#ifdef BUG_OLDEST_BACK
                old = 0;
#endif
#ifdef BUG_LATE_W1
                scan(m);
#endif
                giveAway(b);
                MAYDIE;
#ifndef BUG_NOFENCE_W2
                !oldestHeld;                                    /* W2 */
#endif
#if !defined(BUG_NORESCAN) && !defined(BUG_LATE_W1)
                scan(m);                                        /* W3 */
#endif
                limit = MIN(old, m) + CAPACITY
        fi
}

active proctype writer() {
        byte who, end_, limit, old, m, b, i;
        do
        :: who < WRITERS ->
                !oldestHeld;                                    /* the kernel's lock is a fence */
                old = oldest;
#ifdef BUG_OPEN_OLDEST
                m = published;
#else
                scan(m);
#endif
                limit = MIN(old, m) + CAPACITY;
                do
                :: published < RECORDS ->
                        if
                        :: end_ = published + 1
                        :: published + 2 <= RECORDS -> end_ = published + 2
                        fi;
                        do
                        :: end_ <= limit -> break
                        :: else -> advance()
                        od;
                        i = published;
                        !oldestHeld;                            /* stores come out of the buffer in order */
                        do
                        :: i < end_ ->
                                cell[i % CAPACITY] = TORN;
                                MAYDIE;
                                cell[i % CAPACITY] = VALUE(i, who);
                                i++
                        :: else -> break
                        od;
                        MAYDIE;
                        d_step {                                /* W4 */
                                i = published;
                                do
                                :: i < end_ -> truth[i] = VALUE(i, who); i++
                                :: else -> break
                                od;
                                published = end_
                        }
                :: else -> goto done
                od;
dead:           who++
        :: else -> break
        od;
done:   skip
}

#ifndef VARIANT_OBSERVER
active proctype reader() {
        byte c, o, visit;
        do
        :: visit < VISITS ->
                if :: c = oldest :: c = published fi;
                atomic { cursorNext = c; slotHeld = true };     /* S1 */
#ifndef BUG_NORAISE
                do
                ::
#ifndef BUG_NOFENCE_S2
                        !slotHeld;                              /* S2 */
#endif
                        o = oldest;                             /* S3 */
                        if
                        :: o <= c -> break
                        :: else -> c = o; !slotHeld; atomic { cursorNext = c; slotHeld = true }
                        fi
                od;
#endif
                do
                :: c < published ->                             /* R1 */
                        assert(cell[c % CAPACITY] == truth[c]); /* ours, so as often as we like */
                        assert(cell[c % CAPACITY] == truth[c]);
                        c++;
                        !slotHeld;
                        cursor = c                              /* R2 */
                :: true -> break
                od;
                !slotHeld;
                registered = false;                                 /* S5, S6 */
                visit++
        :: else -> break
        od
}

#else
active proctype observer() {
        byte c, v, o;
        if :: c = published :: c = oldest fi;
        do
        :: c < published ->                                     /* R1 */
#ifdef BUG_EARLY_V2
                o = oldest; v = cell[c % CAPACITY];
#else
                v = cell[c % CAPACITY]; o = oldest;             /* V1, V2 */
#endif
                if
                :: o <= c -> assert(v == truth[c]); c++
                :: else -> c = o
                fi
        :: true -> break
        od
}
#endif
