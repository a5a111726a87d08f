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

// func Free(word *atomic.Uint32, next *byte) (upper uint16)
TEXT ·Free(SB), NOSPLIT, $0-18
	MOVD  word+0(FP), R0
	MOVD  next+8(FP), R3
	PRFM  64(R3), PSTL1KEEP
	PRFM  128(R3), PSTL1KEEP
	STLRH ZR, (R0)
	ADD   $2, R0, R1
	LDARH (R1), R2
	MOVH  R2, upper+16(FP)
	RET
