/*
Removing a group by force. A member has a claim in its slot, may move the group's cursor (G3), and dies, or leaves, whenever it likes.
Two others may take its claim over (S0), and die in the middle of it. Who looks for a free slot has the group's byte for a moment. The
remover evicts the group (S7), frees the slots of the dead (S6), drops those of the living (S7), and frees the group's slot only if there
was none alive; who makes a group of that name does the rest. In the end no claim is left that nobody would finish, and nobody moves the
cursor of a slot that is not its group's any more.

  BUG_AS_READER   a group whose byte somebody has is evicted and left, as a reader is
  BUG_ONE_TRY     the remover does not look again when a slot's word has changed
  BUG_FREE_BUSY   it frees the group's slot though a member is alive
  BUG_PLAIN_S0    who takes a claim over stores the slot's word without comparing
*/
#define NOBODY  255
#define REMOVER 3
#define MAKER   4

#define FREE    0
#define ACTIVE  1
#define EVICTED 2

byte group = ACTIVE, generation = 1;    /* the word of the group's slot */
bool glanced;                           /* its lock byte is held */
byte state = ACTIVE, times;             /* the word of the member's slot: both change at once */
bool claim = true;
byte holder = 0;                        /* of its lock byte */
byte others = 2;                        /* members with slots of their own that are alive */
bool removed;
byte running = 6;                       /* processes */

#define TAKE(me) atomic { if :: holder == NOBODY -> holder = me; took = true :: else -> took = false fi }
#define LOOK     d_step { s = state; n = times }

active proctype member() {
	do
	:: state == ACTIVE ->                                           /* it is one */
		claim = true;
		assert(group != FREE && generation == 1)                /* G3 */
	:: state == EVICTED -> state = FREE; break                      /* S5 */
	:: claim = false; state = FREE; break                           /* S5 */
	:: break                                                        /* it dies, or leaves */
	od;
	atomic { holder = NOBODY; running-- }
}

proctype other(byte me) {
	byte s, n; bool took;
	do
	:: group != ACTIVE || generation != 1 -> break                  /* it finds out */
	:: break
	:: state == ACTIVE && claim ->
		TAKE(me);
		if
		:: !took -> goto next
		:: else
		fi;
		LOOK;
		if
		:: s != ACTIVE || !claim -> took = false
		:: else ->
#ifdef BUG_PLAIN_S0
			d_step { state = s; times = n + 1 }
#else
			d_step { took = state == s && times == n; if :: took -> times = n + 1 :: else fi }      /* S0 */
#endif
		fi;
		if
		:: took -> break                                        /* it dies */
		:: took -> claim = false; state = FREE                  /* S5 */
		:: !took
		fi;
		holder = NOBODY;
next:		skip
	od;
	atomic { if :: holder == me -> holder = NOBODY :: else fi; others--; running-- }
}

active proctype looker() {
	atomic { !glanced -> glanced = true };
	atomic { glanced = false; running-- }
}

inline dismiss(me) {
	busy = others > 0;
	took = true;
	LOOK;
	if
	:: s == FREE
	:: else ->
		TAKE(me);
		if
		:: took -> claim = false; state = FREE; holder = NOBODY         /* S6 */
		:: else -> busy = true
		fi
	fi
}

inline unmake() {
#ifdef BUG_FREE_BUSY
	busy = false;
#endif
	if
	:: !busy -> group = FREE                                                /* S6 */
	:: else
	fi
}

active proctype remover() {
	byte s, n; bool took, busy;
#ifdef BUG_AS_READER
	atomic { if :: glanced -> group = EVICTED; goto over :: else -> glanced = true fi };
#else
	atomic { !glanced -> glanced = true };
#endif
	group = EVICTED;                                                        /* S7 */
	dismiss(REMOVER);
	do
	:: took || s != ACTIVE -> break
	:: else ->
		d_step { took = state == s && times == n; if :: took -> state = EVICTED :: else fi };    /* S7 */
#ifdef BUG_ONE_TRY
		break
#else
		LOOK
#endif
	od;
	unmake();
	glanced = false;
over:	atomic { removed = true; running-- }                                    /* it lets the registry go */
}

active proctype maker() {
	byte s, n; bool took, busy;
	removed;
	if
	:: group == EVICTED ->
		atomic { !glanced -> glanced = true };
		dismiss(MAKER);
		unmake();
		glanced = false
	:: else
	fi;
	if
	:: group == FREE -> d_step { group = ACTIVE; generation++ }             /* S0, S4 */
	:: else
	fi;
	running--
}

init {
	atomic { run other(1); run other(2) };
	running == 0;
	assert(state != ACTIVE || !claim)
}
