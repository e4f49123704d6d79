// func pool_avx512(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)
TEXT ·pool_avx512(SB), NOSPLIT, $0-52
	MOVQ in+0(FP), SI
	MOVQ out+8(FP), DI
	MOVQ pixels+16(FP), CX
pixel:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	MOVQ SI, AX
	MOVQ tapsT+24(FP), DX
frame:
	MOVQ AX, R8
	MOVQ tapsH+32(FP), R11
row:
	MOVQ R8, R9
	MOVQ tapsW+40(FP), R12
column:
	VCMPPS $7, Z0, Z0, K1
	VMAXPS (R9), Z0, K1, Z0
	VCMPPS $7, Z1, Z1, K1
	VMAXPS 64(R9), Z1, K1, Z1
	ADDQ $128, R9
	DECQ R12
	JNE column
	ADDQ $1600, R8
	DECQ R11
	JNE row
	ADDQ $16000, AX
	DECQ DX
	JNE frame
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	ADDQ $256, SI
	ADDQ $128, DI
	DECQ CX
	JNE pixel
	VZEROUPPER
	RET

