//go:build !purego && !race

#include "textflag.h"

// func Store(word *atomic.Uint64, v uint64)
TEXT ·Store(SB), NOSPLIT, $0-16
	MOVD word+0(FP), R0
	MOVD v+8(FP), R1
	STLR R1, (R0)
	RET

// func Mirror(line *atomic.Uint64, rec *byte, end uint64, n int)
TEXT ·Mirror(SB), NOSPLIT, $0-32
	MOVD line+0(FP), R0
	MOVD rec+8(FP), R1
	MOVD end+16(FP), R2
	MOVD n+24(FP), R3
	MOVD R2, 8(R0)
	DMB  $0xa // ISHST: the stamp before the copy
	ADD  $16, R0, R4
again:
	LDP.P 16(R1), (R5, R6)
	STP.P (R5, R6), 16(R4)
	SUBS  $16, R3, R3
	BGT   again
	STLR  R2, (R0)
	RET
