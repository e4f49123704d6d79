// func pool_avx2(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)
TEXT ·pool_avx2(SB), NOSPLIT, $0-52
	MOVQ in+0(FP), SI
	MOVQ out+8(FP), DI
	MOVQ pixels+16(FP), CX
	VBROADCASTSS scale+48(FP), Y3
pixel:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	MOVQ SI, AX
	MOVQ tapsT+24(FP), DX
frame:
	MOVQ AX, R8
	MOVQ tapsH+32(FP), R11
row:
	MOVQ R8, R9
	MOVQ tapsW+40(FP), R12
column:
	VADDPS (R9), Y0, Y0
	VADDPS 32(R9), Y1, Y1
	VADDPS 64(R9), Y2, Y2
	ADDQ $128, R9
	DECQ R12
	JNE column
	ADDQ $1600, R8
	DECQ R11
	JNE row
	ADDQ $16000, AX
	DECQ DX
	JNE frame
	VMULPS Y3, Y0, Y0
	VMOVUPS Y0, (DI)
	VMULPS Y3, Y1, Y1
	VMOVUPS Y1, 32(DI)
	VMULPS Y3, Y2, Y2
	VMOVUPS Y2, 64(DI)
	ADDQ $256, SI
	ADDQ $128, DI
	DECQ CX
	JNE pixel
	VZEROUPPER
	RET

