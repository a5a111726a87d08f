/*
What a reader lends out. It hands records to two workers, who give them back in any order, without a lock; whoever moves the cursor has
the mutex. A worker that finds the reader waiting moves it at once: the writer may need the space for what the reader waits for. The
reader closes while records are out: the last one that comes back unmaps. When nothing is out the reader may also copy records and move
the cursor itself, without the mutex, while a worker has given back and has not looked yet. A writer or a reader that waits for ever is an
invalid end state.

  BUG_LATE_WAITING  the reader takes back what is there, and says that it waits after that
  BUG_EARLY_LOOK    a worker looks whether the reader waits, and gives back after that
  BUG_IDLE          a worker leaves the cursor to the reader's next call
  BUG_GAP           the cursor moves over a record that is out, if the next one is back
  BUG_NOLOCK        the cursor is stored when the mutex has been given back
  BUG_TWICE         nobody notes that the last one has come back
  BUG_EARLY_CLOSE   the reader that closes looks what is out, and says that it closes after that
  BUG_LATE_WORKER   a worker that comes late moves the cursor although the reader does so itself by now
*/
#define RECORDS 4
#define CAPACITY 2

byte published, cursor;         /* shared with the writer; positions are numbers of records */
bool writerSleeps;
byte lent, first, end;          /* first: all before it is back. end: lent, as it was when the reader waited or closed */
byte stored;                    /* the cursor, as those know it who have the mutex */
bool lending;                   /* else the reader alone moves it */
bool back[RECORDS];
bool waiting, closed, over;
bool mutex, mapped = true;
byte torn;
chan out = [RECORDS] of { byte };

#ifdef BUG_LATE_WORKER
#define LENDING true
#else
#define LENDING lending
#endif

inline lock()   { atomic { !mutex -> mutex = true } }
inline unlock() { mutex = false }

inline takeBack() {
	do
	:: first < RECORDS && back[first] -> first++
#ifdef BUG_GAP
	:: first + 1 < RECORDS && back[first + 1] -> first++
#endif
	:: else -> break
	od
}

inline store(c) {               /* R2 */
	d_step {
		assert(mapped);
		assert(c >= cursor);
		k = 0;
		do :: k < c -> assert(back[k]); k++ :: else -> break od;
		cursor = c;
		stored = c;
		k = 0
	}
}

inline startLending() {
	lock();
	d_step {
		k = first;
		do :: k < lent -> back[k] = true; k++ :: else -> break od;
		k = 0;
		first = lent;
		stored = cursor;
		waiting = false;
		lending = true
	}
	unlock()
}

/* The reader copies the next record itself, if nothing is out, and stores the cursor. */
inline copy() {
	if
	:: lending ->
		lock();
		takeBack();
		if
		:: first == lent ->
#ifndef BUG_LATE_WORKER
			waiting = false;
#endif
			lending = false;
			own = true
		:: else -> own = false
		fi;
		unlock()
	:: else -> own = true
	fi;
	if
	:: own ->
		lent++;
		d_step { assert(mapped && lent >= cursor); cursor = lent }
	:: else
	fi
}

inline unmap() {
	d_step { assert(mapped); mapped = false; torn++ }
}

proctype writer() {
	do
	:: published < RECORDS ->
		if
		:: published - cursor < CAPACITY                /* W3 */
		:: else ->
			writerSleeps = true;
			published - cursor < CAPACITY;
			writerSleeps = false
		fi;
		published++
	:: else -> break
	od
}

proctype reader() {
	byte k;
	bool mine, own;
	do
	:: lent < published -> copy()
	:: lent < published ->
		if :: !lending -> startLending() :: else fi;
		if
		:: writerSleeps -> lock(); takeBack(); if :: first > stored -> store(first) :: else fi; unlock()
		:: else
		fi;
		waiting = false;
		lent++;
		out!lent - 1
	:: lent == published && lent < RECORDS && !lending -> published > lent
	:: lent == published && lent < RECORDS && lending ->
		lock();
		end = lent;
#ifndef BUG_LATE_WAITING
		waiting = true;
#endif
		takeBack();
		if :: first > stored -> store(first) :: else fi;
#ifdef BUG_LATE_WAITING
		waiting = true;
#endif
		unlock();
		published > lent
	:: lent == RECORDS -> break
	od;
	if :: !lending -> startLending() :: else fi;
	lock();
	end = lent;
#ifndef BUG_EARLY_CLOSE
	closed = true;
#endif
	takeBack();
	mine = first == end;
#ifdef BUG_EARLY_CLOSE
	closed = true;
#endif
	over = mine;
	unlock();
	if :: mine -> unmap() :: else fi
}

proctype worker() {
	byte n, k, c;
	bool last, look;
endwork:	do
	:: out?n ->
#ifdef BUG_EARLY_LOOK
		look = waiting || closed;
		back[n] = true;
#else
		back[n] = true;                                 /* by CAS: a full fence */
		look = waiting || closed;
#endif
		if
		:: look ->
			lock();
			c = 0;
			if
			:: !over ->
				if :: LENDING -> takeBack() :: else fi;
#ifndef BUG_IDLE
				if :: LENDING && waiting && first == end && first > stored -> c = first :: else fi;
#endif
#ifndef BUG_NOLOCK
				if :: c > 0 -> store(c) :: else fi
#endif
			:: else
			fi;
			last = closed && !over && first == end;
#ifdef BUG_TWICE
			last = closed && first == end;
#else
			over = over || last;
#endif
			unlock();
#ifdef BUG_NOLOCK
			if :: c > 0 -> store(c) :: else fi;
#endif
			if :: last -> unmap() :: else fi
		:: else
		fi
	od
}

init {
	atomic { run writer(); run reader(); run worker(); run worker() };
	torn == 1 && first == RECORDS
}
