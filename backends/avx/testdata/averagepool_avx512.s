// func pool_avx512(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)
TEXT ·pool_avx512(SB), NOSPLIT, $0-52
	MOVQ in+0(FP), SI
	MOVQ out+8(FP), DI
	MOVQ pixels+16(FP), CX
	VBROADCASTSS scale+48(FP), Z3
pixel:
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	MOVQ SI, AX
	MOVQ tapsT+24(FP), DX
frame:
	MOVQ AX, R8
	MOVQ tapsH+32(FP), R11
row:
	MOVQ R8, R9
	MOVQ tapsW+40(FP), R12
column:
	VADDPS (R9), Z0, Z0
	VADDPS 64(R9), Z1, Z1
	VADDPS 128(R9), Z2, Z2
	ADDQ $128, R9
	DECQ R12
	JNE column
	ADDQ $1600, R8
	DECQ R11
	JNE row
	ADDQ $16000, AX
	DECQ DX
	JNE frame
	VMULPS Z3, Z0, Z0
	VMOVUPS Z0, (DI)
	VMULPS Z3, Z1, Z1
	VMOVUPS Z1, 64(DI)
	VMULPS Z3, Z2, Z2
	VMOVUPS Z2, 128(DI)
	ADDQ $256, SI
	ADDQ $128, DI
	DECQ CX
	JNE pixel
	VZEROUPPER
	RET

