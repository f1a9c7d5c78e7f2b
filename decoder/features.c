/*
 * features.c: which instruction set extensions a CPU model has.
 *
 * Callers: decoder.c. An extension without a row does not exist in any model,
 * so a new one in the library stays #UD until somebody adds its row here.
 */
#include "decoder_internal.h"

#define EXISTS (1u << 31) /* never part of enum dec_feature */

static const uint32_t needs[ZYDIS_ISA_SET_MAX_VALUE + 1] = {
    [ZYDIS_ISA_SET_I86] = EXISTS,
    [ZYDIS_ISA_SET_I186] = EXISTS,
    [ZYDIS_ISA_SET_I286REAL] = EXISTS,
    [ZYDIS_ISA_SET_I286PROTECTED] = EXISTS,
    [ZYDIS_ISA_SET_I386] = EXISTS,
    [ZYDIS_ISA_SET_I486] = EXISTS,
    [ZYDIS_ISA_SET_I486REAL] = EXISTS,
    [ZYDIS_ISA_SET_PENTIUMREAL] = EXISTS, /* CMPXCHG8B, RDTSC and the MSRs have their own bits in mnemonics.def */
    [ZYDIS_ISA_SET_LAHF] = EXISTS,
    [ZYDIS_ISA_SET_RDPMC] = EXISTS,
    [ZYDIS_ISA_SET_PAUSE] = EXISTS, /* a NOP with REP where it is unknown */
    [ZYDIS_ISA_SET_PPRO] = EXISTS | DEC_F_NOPL,
    [ZYDIS_ISA_SET_FAT_NOP] = EXISTS | DEC_F_NOPL,
    [ZYDIS_ISA_SET_PREFETCH_NOP] = EXISTS | DEC_F_3DNOWPREFETCH,
    [ZYDIS_ISA_SET_PREFETCHWT1] = EXISTS | DEC_F_3DNOWPREFETCH, /* 0F 0D /2 is a plain hint without the extension */
    [ZYDIS_ISA_SET_CMOV] = EXISTS | DEC_F_CMOV,
    [ZYDIS_ISA_SET_X87] = EXISTS | DEC_F_FPU,
    [ZYDIS_ISA_SET_FCMOV] = EXISTS | DEC_F_FPU | DEC_F_CMOV,
    [ZYDIS_ISA_SET_FXSAVE] = EXISTS | DEC_F_FXSR,
    [ZYDIS_ISA_SET_PENTIUMMMX] = EXISTS | DEC_F_MMX,
    [ZYDIS_ISA_SET_SSE] = EXISTS | DEC_F_SSE,
    [ZYDIS_ISA_SET_SSEMXCSR] = EXISTS | DEC_F_SSE,
    [ZYDIS_ISA_SET_SSE_PREFETCH] = EXISTS | DEC_F_SSE,
    [ZYDIS_ISA_SET_SSE2] = EXISTS | DEC_F_SSE2,
    [ZYDIS_ISA_SET_SSE2MMX] = EXISTS | DEC_F_SSE2,
    [ZYDIS_ISA_SET_SSE3] = EXISTS | DEC_F_SSE3,
    [ZYDIS_ISA_SET_SSE3X87] = EXISTS | DEC_F_SSE3,
    [ZYDIS_ISA_SET_SSSE3] = EXISTS | DEC_F_SSSE3,
    [ZYDIS_ISA_SET_SSSE3MMX] = EXISTS | DEC_F_SSSE3,
    [ZYDIS_ISA_SET_SSE4] = EXISTS | DEC_F_SSE41,
    [ZYDIS_ISA_SET_SSE42] = EXISTS | DEC_F_SSE42,
    [ZYDIS_ISA_SET_SSE4A] = EXISTS | DEC_F_SSE4A,
    [ZYDIS_ISA_SET_POPCNT] = EXISTS | DEC_F_POPCNT,
    [ZYDIS_ISA_SET_LZCNT] = EXISTS | DEC_F_LZCNT,
    [ZYDIS_ISA_SET_BMI1] = EXISTS | DEC_F_BMI1,
    [ZYDIS_ISA_SET_AES] = EXISTS | DEC_F_AES,
    [ZYDIS_ISA_SET_PCLMULQDQ] = EXISTS | DEC_F_PCLMUL,
    [ZYDIS_ISA_SET_MOVBE] = EXISTS | DEC_F_MOVBE,
    [ZYDIS_ISA_SET_RDTSCP] = EXISTS | DEC_F_RDTSCP,
    [ZYDIS_ISA_SET_RDRAND] = EXISTS | DEC_F_RDRAND,
    [ZYDIS_ISA_SET_RDSEED] = EXISTS | DEC_F_RDSEED,
    [ZYDIS_ISA_SET_CLFSH] = EXISTS | DEC_F_CLFLUSH,
};

bool dec_in_model(ZydisISASet isa, ZydisMnemonic mnemonic, uint32_t features) {
    uint32_t need = needs[isa] | dec_mnemonics[mnemonic].feature;
    return (need & EXISTS) && !(need & ~(features | EXISTS));
}
