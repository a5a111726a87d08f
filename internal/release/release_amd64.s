//go:build !purego && !race

#include "textflag.h"

// func Store(word *atomic.Uint64, v uint64)
TEXT ·Store(SB), NOSPLIT, $0-16
	MOVQ word+0(FP), AX
	MOVQ v+8(FP), BX
	MOVQ BX, (AX)
	RET

// func Mirror(line *atomic.Uint64, rec *byte, end uint64, n int)
//
// Words of 8 bytes: the record's header was just stored in two of them, and a wider load would wait for both.
TEXT ·Mirror(SB), NOSPLIT, $0-32
	MOVQ line+0(FP), DI
	MOVQ rec+8(FP), SI
	MOVQ end+16(FP), AX
	MOVQ n+24(FP), CX
	MOVQ AX, 8(DI)
	XORQ BX, BX
again:
	MOVQ (SI)(BX*1), R8
	MOVQ 8(SI)(BX*1), R9
	MOVQ R8, 16(DI)(BX*1)
	MOVQ R9, 24(DI)(BX*1)
	ADDQ $16, BX
	CMPQ BX, CX
	JLT  again
	MOVQ AX, (DI)
	RET

// func Free(word *atomic.Uint32, next *byte) (upper uint16)
TEXT ·Free(SB), NOSPLIT, $0-18
	MOVQ    word+0(FP), AX
	MOVQ    next+8(FP), CX
	PREFETCHT0 64(CX)
	PREFETCHT0 128(CX)
	MOVW    $0, (AX)
	MOVWLZX 2(AX), BX
	MOVW    BX, upper+16(FP)
	RET
