// func pool_avx2(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)
TEXT ·pool_avx2(SB), NOSPLIT, $0-52
	MOVQ in+0(FP), SI
	MOVQ out+8(FP), DI
	MOVQ pixels+16(FP), CX
pixel:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	MOVQ SI, AX
	MOVQ tapsT+24(FP), DX
frame:
	MOVQ AX, R8
	MOVQ tapsH+32(FP), R11
row:
	MOVQ R8, R9
	MOVQ tapsW+40(FP), R12
column:
	VMAXPS (R9), Y0, Y2
	VCMPPS $3, Y0, Y0, Y3
	VBLENDVPS Y3, Y0, Y2, Y0
	VMAXPS 32(R9), Y1, Y2
	VCMPPS $3, Y1, Y1, Y3
	VBLENDVPS Y3, Y1, Y2, Y1
	ADDQ $128, R9
	DECQ R12
	JNE column
	ADDQ $1600, R8
	DECQ R11
	JNE row
	ADDQ $16000, AX
	DECQ DX
	JNE frame
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $256, SI
	ADDQ $128, DI
	DECQ CX
	JNE pixel
	VZEROUPPER
	RET

