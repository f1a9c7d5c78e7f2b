/*
 * decoder_test.c: the decoder against a table, a page end and Capstone.
 *
 * Each row is bytes, code size and the decoded instruction written as text;
 * see describe() for the notation. The sweeps check what must hold for every
 * byte string: an answer, no byte read beyond `avail`, and prefixes that say
 * NEED_MORE until the instruction is whole.
 */
#include "decoder/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <Zydis/Zydis.h>

#include <cmocka.h>

enum { ALL_FEATURES = (1u << 27) - 1, TEXT = 160 };

struct text {
    char buf[TEXT];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->buf + t->len, TEXT - t->len, format, args);
    va_end(args);
    assert_true(n >= 0 && t->len + (size_t)n < TEXT);
    t->len += (size_t)n;
}

static const char *const gpr_name[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const char *const seg_name[] = {"es", "cs", "ss", "ds", "fs", "gs"};

static void put_mem(struct text *t, const struct dec_mem *m) {
    put(t, " [%s:", seg_name[m->seg]);
    if (m->base != DEC_NOREG) put(t, "%s+", gpr_name[m->base]);
    if (m->index != DEC_NOREG) put(t, "%s*%u+", gpr_name[m->index], m->scale);
    put(t, "%x]", m->disp);
    if (m->accessed) put(t, "%u%s%s", m->size, m->read ? "r" : "", m->write ? "w" : "");
}

static void put_flags(struct text *t, const char *what, unsigned bits) {
    static const struct {
        unsigned bit;
        char name;
    } flags[] = {{DEC_CF, 'C'}, {DEC_PF, 'P'}, {DEC_AF, 'A'}, {DEC_ZF, 'Z'},
                 {DEC_SF, 'S'}, {DEC_OF, 'O'}, {DEC_DF, 'D'}};
    if (bits == 0) return;
    put(t, " %s", what);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (bits & flags[i].bit) put(t, "%c", flags[i].name);
    }
}

static void put_gprs(struct text *t, unsigned gprs) {
    const char *sep = " ";
    for (unsigned i = 0; i < 8; i++) {
        if (gprs >> i & 1) {
            put(t, "%s%s", sep, gpr_name[i] + 1);
            sep = ",";
        }
    }
}

/*
 * length class mnemonic [address]size rw $imm$imm2 reads> writes= registers, then
 * b: byte operand, R8/M8: byte register in reg/rm, fpu, sse, o16 or a16: sizes.
 */
static struct text describe(const struct insn *in) {
    struct text t = {.len = 0};
    put(&t, "%u %s", in->len, dec_class_name((enum dec_class)in->cls));
    if (in->cls == DEC_CLASS_UD || in->cls == DEC_CLASS_TOO_LONG) return t;
    put(&t, " %s", ZydisMnemonicGetString((ZydisMnemonic)in->mnemonic));
    if (in->mem.present) put_mem(&t, &in->mem);
    if (in->imm_size) put(&t, " $%x", in->imm);
    if (in->imm2) put(&t, "$%x", in->imm2);
    put_flags(&t, ">", in->flags_read);
    put_flags(&t, "=", in->flags_written);
    put_gprs(&t, in->gprs);
    put(&t, "%s%s%s%s%s", in->byte_op ? " b" : "", in->reg_is_byte ? " R8" : "", in->rm_is_byte ? " M8" : "",
        in->fpu ? " fpu" : "", in->sse ? " sse" : "");
    put(&t, "%s%s", in->op_size == 2 ? " o16" : "", in->addr_size == 2 ? " a16" : "");
    return t;
}

static unsigned parse_hex(const char *hex, uint8_t out[DEC_MAX_LEN]) {
    unsigned n = 0, byte;
    for (; n < DEC_MAX_LEN && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) out[n] = (uint8_t)byte;
    return n;
}

struct row {
    unsigned bits;
    const char *hex;
    const char *expect;
};

static const struct row rows[] = {
    {32, "00d8", "2 plain add =CPAZSO ax,bx b R8 M8"},
    {32, "01d8", "2 plain add =CPAZSO ax,bx"},
    {32, "0145f8", "3 plain add [ss:ebp+fffffff8]4rw =CPAZSO ax,bp"},
    {32, "02442404", "4 plain add [ss:esp+4]1r =CPAZSO ax,sp b R8"},
    {32, "03048d10000000", "7 plain add [ds:ecx*4+10]4r =CPAZSO ax,cx"},
    {32, "0405", "2 plain add $5 =CPAZSO ax b"},
    {32, "0578563412", "5 plain add $12345678 =CPAZSO ax"},
    {32, "6605aabb", "4 plain add $ffffbbaa =CPAZSO ax o16"},
    {32, "6701c3", "3 plain add =CPAZSO ax,bx a16"},
    {32, "0f", "need more"},
    {32, "66", "need more"},
    {32, "0f5c00", "3 plain subps [ds:eax+0]16r ax fpu sse"},
    {32, "f30f2c00", "4 plain cvttss2si [ds:eax+0]4r ax fpu sse"},
    {32, "0f2d00", "3 plain cvtps2pi [ds:eax+0]8r ax fpu sse"},
    {32, "660f2c00", "4 plain cvttpd2pi [ds:eax+0]16r ax fpu sse o16"},
    {32, "0f2a00", "3 plain cvtpi2ps [ds:eax+0]8r ax fpu sse"},
    {32, "0f21e0", "3 system mov ax"},
    {32, "0f23e8", "3 system mov ax"},
    {32, "f087c0", "2 ud"},
    {32, "f06687c8", "3 ud"},
    {32, "65a4", "2 string movsb >D si,di b"},
    {32, "f3ec", "2 system in ax,dx b"},
    {32, "6790", "2 plain nop a16"},
    {32, "f20f38f0c4", "5 plain crc32 ax M8"},
    {32, "f30fae00", "3 ud"},
    {32, "660fae00", "3 ud"},
    {32, "d0c8", "2 plain ror =CO ax b M8"},
    {32, "c0d012", "3 plain rcl $12 >C ax b M8"},
    {32, "0fbcc0", "3 plain bsf =Z ax"},
    {32, "66c7c0ffff", "5 plain mov $ffffffff ax o16"},
    {32, "66e3fe", "3 branch jecxz $fffffffe cx o16"},
    {32, "0f1801", "3 plain prefetchnta [ds:ecx+0] cx"},
    {32, "0f18c0", "3 plain nop ax"},
    {32, "0f1820", "3 plain nop [ds:eax+0] ax"},
    {32, "8d00", "2 plain lea [ds:eax+0] ax"},
    {32, "8dc0", "1 ud"},
    {32, "c4c0", "need more"},
    {32, "0fc7c8", "2 ud"},
    {32, "f00fc7c9", "3 ud"},
    {32, "0fae38", "3 plain clflush [ds:eax+0]1r ax"},
    {32, "660f50c1", "4 plain movmskpd ax fpu sse o16"},
    {32, "0fb2c0", "2 ud"},
    {32, "0f01c9", "3 ud"},
    {32, "0fe0c1", "3 plain pavgb fpu"},
    {32, "660fe7c1", "3 ud"},
    {32, "0fb9", "need more"},
    {32, "ff38", "1 ud"},
    {32, "fe38", "1 ud"},
    {32, "fe10", "1 ud"},
    {32, "f6e8", "2 plain imul =CO ax b M8"},
    {32, "80f805", "3 plain cmp $5 =CPAZSO ax b M8"},
    {32, "c7c001000000", "6 plain mov $1 ax"},
    {32, "0ff0c0", "2 ud"},
    {32, "0f38f0c1", "2 ud"},
    {32, "f30f38f000", "3 ud"},
    {32, "11d8", "2 plain adc >C =CPAZSO ax,bx"},
    {32, "13d8", "2 plain adc >C =CPAZSO ax,bx"},
    {32, "19c3", "2 plain sbb >C =CPAZSO ax,bx"},
    {32, "80c005", "3 plain add $5 =CPAZSO ax b M8"},
    {32, "82c005", "3 plain add $5 =CPAZSO ax b M8"},
    {32, "83c0ff", "3 plain add $ffffffff =CPAZSO ax"},
    {32, "6683c0ff", "4 plain add $ffffffff =CPAZSO ax o16"},
    {32, "81c0ffffffff", "6 plain add $ffffffff =CPAZSO ax"},
    {32, "81384433221100", "6 plain cmp [ds:eax+0]4r $11223344 =CPAZSO ax"},
    {32, "80383f", "3 plain cmp [ds:eax+0]1r $3f =CPAZSO ax b"},
    {32, "20e0", "2 plain and =CPAZSO ax b R8 M8"},
    {32, "09c0", "2 plain or =CPAZSO ax"},
    {32, "31ff", "2 plain xor =CPAZSO di"},
    {32, "3c7f", "2 plain cmp $7f =CPAZSO ax b"},
    {32, "3b0500000010", "6 plain cmp [ds:10000000]4r =CPAZSO ax"},
    {32, "85c0", "2 plain test =CPAZSO ax"},
    {32, "84e4", "2 plain test =CPAZSO ax b R8 M8"},
    {32, "a801", "2 plain test $1 =CPAZSO ax b"},
    {32, "a9ffffffff", "5 plain test $ffffffff =CPAZSO ax"},
    {32, "f6c480", "3 plain test $ffffff80 =CPAZSO ax b M8"},
    {32, "f6cc80", "3 plain test $ffffff80 =CPAZSO ax b M8"},
    {32, "f7c801000000", "6 plain test $1 =CPAZSO ax"},
    {32, "40", "1 plain inc =PAZSO ax"},
    {32, "4c", "1 plain dec =PAZSO sp"},
    {32, "664b", "2 plain dec =PAZSO bx o16"},
    {32, "fec4", "2 plain inc =PAZSO ax b M8"},
    {32, "fe4c2410", "4 plain dec [ss:esp+10]1rw =PAZSO sp b"},
    {32, "ff00", "2 plain inc [ds:eax+0]4rw =PAZSO ax"},
    {32, "ff08", "2 plain dec [ds:eax+0]4rw =PAZSO ax"},
    {32, "f7d0", "2 plain not ax"},
    {32, "f7d8", "2 plain neg =CPAZSO ax"},
    {32, "f61b", "2 plain neg [ds:ebx+0]1rw =CPAZSO bx b"},
    {32, "f01118", "3 plain adc [ds:eax+0]4rw >C =CPAZSO ax,bx"},
    {32, "f0ff00", "3 plain inc [ds:eax+0]4rw =PAZSO ax"},
    {32, "f0f718", "3 plain neg [ds:eax+0]4rw =CPAZSO ax"},
    {32, "f7e1", "2 plain mul =CO ax,cx,dx"},
    {32, "f6e1", "2 plain mul =CO ax,cx b M8"},
    {32, "f7f1", "2 plain div ax,cx,dx"},
    {32, "f6f9", "2 plain idiv ax,cx b M8"},
    {32, "f7e9", "2 plain imul =CO ax,cx,dx"},
    {32, "f6e9", "2 plain imul =CO ax,cx b M8"},
    {32, "0fafc1", "3 plain imul =CO ax,cx"},
    {32, "6bc1ff", "3 plain imul $ffffffff =CO ax,cx"},
    {32, "69c100010000", "6 plain imul $100 =CO ax,cx"},
    {32, "666bc105", "4 plain imul $5 =CO ax,cx o16"},
    {32, "0faf442408", "5 plain imul [ss:esp+8]4r =CO ax,sp"},
    {32, "d1e0", "2 plain shl =CPAZSO ax"},
    {32, "d0e4", "2 plain shl =CPAZSO ax b M8"},
    {32, "c1e000", "3 plain shl $0 ax"},
    {32, "c1e020", "3 plain shl $20 ax"},
    {32, "c1e003", "3 plain shl $3 =CPAZSO ax"},
    {32, "c0e009", "3 plain shl $9 =CPAZSO ax b M8"},
    {32, "d3e0", "2 plain shl ax,cx"},
    {32, "d2e8", "2 plain shr ax,cx b M8"},
    {32, "d1f8", "2 plain sar =CPAZSO ax"},
    {32, "c1f81f", "3 plain sar $1f =CPAZSO ax"},
    {32, "c1f005", "3 plain shl $5 =CPAZSO ax"},
    {32, "d1f0", "2 plain shl =CPAZSO ax"},
    {32, "d3f0", "2 plain shl ax,cx"},
    {32, "d1c0", "2 plain rol =CO ax"},
    {32, "c1c005", "3 plain rol $5 =C ax"},
    {32, "c1c000", "3 plain rol $0 ax"},
    {32, "d3c0", "2 plain rol ax,cx"},
    {32, "c0c808", "3 plain ror $8 =C ax b M8"},
    {32, "d1d0", "2 plain rcl >C =CO ax"},
    {32, "c1d005", "3 plain rcl $5 >C =C ax"},
    {32, "c0d009", "3 plain rcl $9 >C ax b M8"},
    {32, "66c1d811", "4 plain rcr $11 >C ax o16"},
    {32, "d3d0", "2 plain rcl >C ax,cx"},
    {32, "c0d811", "3 plain rcr $11 >C =C ax b M8"},
    {32, "d05c2404", "4 plain rcr [ss:esp+4]1rw >C =CO sp b"},
    {32, "0fa4c305", "4 plain shld $5 =CPAZSO ax,bx"},
    {32, "0fa5c3", "3 plain shld ax,cx,bx"},
    {32, "0facc300", "4 plain shrd $0 ax,bx"},
    {32, "0fadc3", "3 plain shrd ax,cx,bx"},
    {32, "0fa4c320", "4 plain shld $20 ax,bx"},
    {32, "0fa3c8", "3 plain bt =C ax,cx"},
    {32, "0fab08", "3 plain bts [ds:eax+0]4rw =C ax,cx"},
    {32, "0fb30d00100000", "7 plain btr [ds:1000]4rw =C cx"},
    {32, "0fbae005", "4 plain bt $5 =C ax"},
    {32, "0fba3805", "4 plain btc [ds:eax+0]4rw $5 =C ax"},
    {32, "0fbb18", "3 plain btc [ds:eax+0]4rw =C ax,bx"},
    {32, "0fbcc1", "3 plain bsf =Z ax,cx"},
    {32, "0fbdc1", "3 plain bsr =Z ax,cx"},
    {32, "f30fbcc1", "4 plain tzcnt =CZ ax,cx"},
    {32, "f30fbdc1", "4 plain lzcnt =CZ ax,cx"},
    {32, "f30fb8c1", "4 plain popcnt =CPAZSO ax,cx"},
    {32, "660fb6c4", "4 plain movzx ax M8 o16"},
    {32, "0fb600", "3 plain movzx [ds:eax+0]1r ax"},
    {32, "0fb700", "3 plain movzx [ds:eax+0]2r ax"},
    {32, "0fbec4", "3 plain movsx ax M8"},
    {32, "0fbf4508", "4 plain movsx [ss:ebp+8]2r ax,bp"},
    {32, "0fc8", "2 plain bswap ax"},
    {32, "0fcf", "2 plain bswap di"},
    {32, "8d44c304", "4 plain lea [ds:ebx+eax*8+4] ax,bx"},
    {32, "8d0424", "3 plain lea [ss:esp+0] ax,sp"},
    {32, "89e5", "2 plain mov sp,bp"},
    {32, "8b4508", "3 plain mov [ss:ebp+8]4r ax,bp"},
    {32, "8b5c240c", "4 plain mov [ss:esp+c]4r bx,sp"},
    {32, "8b0425ffffff7f", "7 plain mov [ds:7fffffff]4r ax"},
    {32, "8b04ad10000000", "7 plain mov [ds:ebp*4+10]4r ax,bp"},
    {32, "8b442d00", "4 plain mov [ss:ebp+ebp*1+0]4r ax,bp"},
    {32, "8b05", "need more"},
    {32, "8b0544332211", "6 plain mov [ds:11223344]4r ax"},
    {32, "88e3", "2 plain mov ax,bx b R8 M8"},
    {32, "8a24", "need more"},
    {32, "8a2424", "3 plain mov [ss:esp+0]1r ax,sp b R8"},
    {32, "c6400501", "4 plain mov [ds:eax+5]1w $1 ax b"},
    {32, "c70001020304", "6 plain mov [ds:eax+0]4w $4030201 ax"},
    {32, "66c7000102", "5 plain mov [ds:eax+0]2w $201 ax o16"},
    {32, "b4ff", "2 plain mov $ffffffff ax b M8"},
    {32, "bc78563412", "5 plain mov $12345678 sp"},
    {32, "66bc3412", "4 plain mov $1234 sp o16"},
    {32, "a044332211", "5 plain mov [ds:11223344]1r ax b"},
    {32, "a144332211", "5 plain mov [ds:11223344]4r ax"},
    {32, "a244332211", "5 plain mov [ds:11223344]1w ax b"},
    {32, "a344332211", "5 plain mov [ds:11223344]4w ax"},
    {32, "67a14433", "4 plain mov [ds:3344]4r ax a16"},
    {32, "66a344332211", "6 plain mov [ds:11223344]2w ax o16"},
    {32, "64a118000000", "6 plain mov [fs:18]4r ax"},
    {32, "65a114000000", "6 plain mov [gs:14]4r ax"},
    {32, "2ea100000000", "6 plain mov [cs:0]4r ax"},
    {32, "36", "need more"},
    {32, "368b00", "3 plain mov [ss:eax+0]4r ax"},
    {32, "3e8b4500", "4 plain mov [ds:ebp+0]4r ax,bp"},
    {32, "268b00", "3 plain mov [es:eax+0]4r ax"},
    {32, "64658b00", "4 plain mov [gs:eax+0]4r ax"},
    {32, "65648b00", "4 plain mov [fs:eax+0]4r ax"},
    {32, "f0a100000000", "2 ud"},
    {32, "90", "1 plain nop"},
    {32, "6690", "2 plain nop o16"},
    {32, "87d8", "2 plain xchg ax,bx"},
    {32, "86e0", "2 plain xchg ax b R8 M8"},
    {32, "8703", "2 plain xchg [ds:ebx+0]4rw ax,bx"},
    {32, "f08703", "3 plain xchg [ds:ebx+0]4rw ax,bx"},
    {32, "91", "1 plain xchg ax,cx"},
    {32, "98", "1 plain cwde ax"},
    {32, "6698", "2 plain cbw ax o16"},
    {32, "99", "1 plain cdq ax,dx"},
    {32, "6699", "2 plain cwd ax,dx o16"},
    {32, "9e", "1 plain sahf =CPAZS ax"},
    {32, "9f", "1 plain lahf >CPAZS ax"},
    {32, "f8", "1 plain clc =C"},
    {32, "f9", "1 plain stc =C"},
    {32, "f5", "1 plain cmc >C =C"},
    {32, "fc", "1 plain cld =D"},
    {32, "fd", "1 plain std =D"},
    {32, "d6", "1 legacy salc >C ax b"},
    {32, "d7", "1 legacy xlat ax,bx"},
    {32, "64d7", "2 legacy xlat ax,bx"},
    {32, "0fb0d9", "3 plain cmpxchg =CPAZSO ax,cx,bx b R8 M8"},
    {32, "0fb10b", "3 plain cmpxchg [ds:ebx+0]4rw =CPAZSO ax,cx,bx"},
    {32, "f00fb10b", "4 plain cmpxchg [ds:ebx+0]4rw =CPAZSO ax,cx,bx"},
    {32, "0fc0c4", "3 plain xadd =CPAZSO ax b R8 M8"},
    {32, "0fc103", "3 plain xadd [ds:ebx+0]4rw =CPAZSO ax,bx"},
    {32, "f00fc103", "4 plain xadd [ds:ebx+0]4rw =CPAZSO ax,bx"},
    {32, "0fc70b", "3 plain cmpxchg8b [ds:ebx+0]8rw =Z ax,cx,dx,bx"},
    {32, "f00fc70b", "4 plain cmpxchg8b [ds:ebx+0]8rw =Z ax,cx,dx,bx"},
    {32, "0f4400", "3 plain cmovz [ds:eax+0]4r >Z ax"},
    {32, "0f40c1", "3 plain cmovo >O ax,cx"},
    {32, "0f9fc4", "3 plain setnle >ZSO ax b M8"},
    {32, "0f9405", "need more"},
    {32, "7010", "2 branch jo $10 >O"},
    {32, "75fe", "2 branch jnz $fffffffe >Z"},
    {32, "0f8400010000", "6 branch jz $100 >Z"},
    {32, "660f840001", "5 branch jz $100 >Z o16"},
    {32, "6674fe", "3 branch jz $fffffffe >Z o16"},
    {32, "e3fe", "2 branch jecxz $fffffffe cx"},
    {32, "67e3fe", "3 branch jcxz $fffffffe cx a16"},
    {32, "e2fe", "2 branch loop $fffffffe cx"},
    {32, "e1fe", "2 branch loope $fffffffe >Z cx"},
    {32, "e0fe", "2 branch loopne $fffffffe >Z cx"},
    {32, "eb00", "2 branch jmp $0"},
    {32, "e900010000", "5 branch jmp $100"},
    {32, "66e90001", "4 branch jmp $100 o16"},
    {32, "e8fbffffff", "5 branch call $fffffffb sp"},
    {32, "66e8fbff", "4 branch call $fffffffb sp o16"},
    {32, "c3", "1 branch ret sp"},
    {32, "c2f0ff", "3 branch ret $fff0 sp"},
    {32, "66c3", "2 branch ret sp o16"},
    {32, "ffe0", "2 branch jmp ax"},
    {32, "ffd1", "2 branch call cx,sp"},
    {32, "ff6004", "3 branch jmp [ds:eax+4]4r ax"},
    {32, "ff1485", "need more"},
    {32, "ff1485000000f0", "7 branch call [ds:eax*4+f0000000]4r ax,sp"},
    {32, "66ffd0", "3 branch call ax,sp o16"},
    {32, "f2e800000000", "6 branch call $0 sp"},
    {32, "2e7410", "3 branch jz $10 >Z"},
    {32, "50", "1 stack push ax,sp"},
    {32, "57", "1 stack push sp,di"},
    {32, "5c", "1 stack pop sp"},
    {32, "6650", "2 stack push ax,sp o16"},
    {32, "ff7508", "3 stack push [ss:ebp+8]4r sp,bp"},
    {32, "ff742404", "4 stack push [ss:esp+4]4r sp"},
    {32, "8f0424", "3 stack pop [ss:esp+0]4w sp"},
    {32, "8f4504", "3 stack pop [ss:ebp+4]4w sp,bp"},
    {32, "6aff", "2 stack push $ffffffff sp"},
    {32, "68ffff0000", "5 stack push $ffff sp"},
    {32, "6668ffff", "4 stack push $ffffffff sp o16"},
    {32, "666a80", "3 stack push $ffffff80 sp o16"},
    {32, "60", "1 stack pushad ax,cx,dx,bx,sp,bp,si,di"},
    {32, "61", "1 stack popad ax,cx,dx,bx,sp,bp,si,di"},
    {32, "6660", "2 stack pusha ax,cx,dx,bx,sp,bp,si,di o16"},
    {32, "c9", "1 stack leave sp,bp"},
    {32, "c8080002", "4 stack enter $8$2 sp,bp"},
    {32, "c8ffff1f", "4 stack enter $ffff$1f sp,bp"},
    {32, "66c9", "2 stack leave sp,bp o16"},
    {32, "a4", "1 string movsb >D si,di b"},
    {32, "a5", "1 string movsd >D si,di"},
    {32, "66a5", "2 string movsw >D si,di o16"},
    {32, "f3a4", "2 string movsb >D cx,si,di b"},
    {32, "f2a5", "2 string movsd >D cx,si,di"},
    {32, "f3a6", "2 string cmpsb >D cx,si,di b"},
    {32, "a6", "1 string cmpsb >D =CPAZSO si,di b"},
    {32, "f2ae", "2 string scasb >D ax,cx,di b"},
    {32, "af", "1 string scasd >D =CPAZSO ax,di"},
    {32, "aa", "1 string stosb >D ax,di b"},
    {32, "f3ab", "2 string stosd >D ax,cx,di"},
    {32, "66ab", "2 string stosw >D ax,di o16"},
    {32, "ac", "1 string lodsb >D ax,si b"},
    {32, "ad", "1 string lodsd >D ax,si"},
    {32, "67ad", "2 string lodsd >D ax,si a16"},
    {32, "26ac", "2 string lodsb >D ax,si b"},
    {32, "64f3a4", "3 string movsb >D cx,si,di b"},
    {32, "67f3a5", "3 string movsd >D cx,si,di a16"},
    {32, "6c", "1 system insb >D dx,di b"},
    {32, "6d", "1 system insd >D dx,di"},
    {32, "f36d", "2 system insd >D cx,dx,di"},
    {32, "6e", "1 system outsb >D dx,si b"},
    {32, "656f", "2 system outsd >D dx,si"},
    {32, "f36e", "2 system outsb >D cx,dx,si b"},
    {32, "e460", "2 system in $60 ax b"},
    {32, "e7ff", "2 system out $ff ax"},
    {32, "ec", "1 system in ax,dx b"},
    {32, "66ed", "2 system in ax,dx o16"},
    {32, "ee", "1 system out ax,dx b"},
    {32, "ef", "1 system out ax,dx"},
    {32, "27", "1 legacy daa >CA =CPAZSO ax"},
    {32, "2f", "1 legacy das >CA =CPAZSO ax"},
    {32, "37", "1 legacy aaa >A =CPAZSO ax"},
    {32, "3f", "1 legacy aas >A =CPAZSO ax"},
    {32, "d40a", "2 legacy aam $a =CPAZSO ax"},
    {32, "d500", "2 legacy aad $0 =CPAZSO ax"},
    {32, "6203", "2 legacy bound [ds:ebx+0]8r ax,bx"},
    {32, "666203", "3 legacy bound [ds:ebx+0]4r ax,bx o16"},
    {32, "c403", "2 system les [ds:ebx+0]6r ax,bx"},
    {32, "c503", "2 system lds [ds:ebx+0]6r ax,bx"},
    {32, "66c503", "3 system lds [ds:ebx+0]4r ax,bx o16"},
    {32, "0fb203", "3 system lss [ds:ebx+0]6r ax,bx"},
    {32, "0fb403", "3 system lfs [ds:ebx+0]6r ax,bx"},
    {32, "0fb503", "3 system lgs [ds:ebx+0]6r ax,bx"},
    {32, "62c0", "need more"},
    {32, "c4e2", "need more"},
    {32, "fa", "1 system cli"},
    {32, "fb", "1 system sti"},
    {32, "f4", "1 system hlt"},
    {32, "9c", "1 system pushfd >CPAZSOD sp"},
    {32, "669c", "2 system pushf >CPAZSOD sp o16"},
    {32, "9d", "1 system popfd =CPAZSOD sp"},
    {32, "cc", "1 system int3 >CPAZSOD sp"},
    {32, "cd80", "2 system int $80 >CPAZSOD sp"},
    {32, "ce", "1 system into >CPAZSOD sp"},
    {32, "f1", "1 system int1 >CPAZSOD sp"},
    {32, "cf", "1 system iretd >CPAZSOD =CPAZSOD sp"},
    {32, "66cf", "2 system iret >CPAZSOD =CPAZSOD sp o16"},
    {32, "0f05", "2 ud"},
    {32, "0f07", "2 ud"},
    {32, "0f34", "2 system sysenter sp"},
    {32, "0f35", "2 system sysexit cx,dx,sp"},
    {32, "0faa", "2 system rsm >CPAZSOD ax,cx,dx,bx,sp,bp,si,di"},
    {32, "0f0b", "2 ud"},
    {32, "0fb9c0", "3 ud"},
    {32, "0fff05", "need more"},
    {32, "0fff00", "3 ud"},
    {32, "9a785634120800", "7 system call $12345678$8 >CPAZSOD sp"},
    {32, "ea785634120800", "7 system jmp $12345678$8 >CPAZSOD"},
    {32, "669a34120800", "6 system call $1234$8 >CPAZSOD sp o16"},
    {32, "ca0400", "3 system ret $4 sp"},
    {32, "cb", "1 system ret sp"},
    {32, "ff18", "2 system call [ds:eax+0]6r >CPAZSOD ax,sp"},
    {32, "ff28", "2 system jmp [ds:eax+0]6r >CPAZSOD ax"},
    {32, "66ff18", "3 system call [ds:eax+0]4r >CPAZSOD ax,sp o16"},
    {32, "ffd8", "1 ud"},
    {32, "ffe8", "1 ud"},
    {32, "8cd8", "2 system mov ax"},
    {32, "8ed8", "2 system mov ax"},
    {32, "8e00", "2 system mov [ds:eax+0]2r ax"},
    {32, "8ec8", "1 ud"},
    {32, "8ef0", "1 ud"},
    {32, "8cf0", "1 ud"},
    {32, "8c18", "2 system mov [ds:eax+0]2w ax"},
    {32, "06", "1 system push sp"},
    {32, "07", "1 system pop sp"},
    {32, "0e", "1 system push sp"},
    {32, "16", "1 system push sp"},
    {32, "17", "1 system pop sp"},
    {32, "1e", "1 system push sp"},
    {32, "1f", "1 system pop sp"},
    {32, "0fa0", "2 system push sp"},
    {32, "0fa1", "2 system pop sp"},
    {32, "0fa8", "2 system push sp"},
    {32, "0fa9", "2 system pop sp"},
    {32, "660fa1", "3 system pop sp o16"},
    {32, "0f0000", "3 system sldt [ds:eax+0]2w ax"},
    {32, "0f00c0", "3 system sldt ax"},
    {32, "0f0008", "3 system str [ds:eax+0]2w ax"},
    {32, "0f0010", "3 system lldt [ds:eax+0]2r ax"},
    {32, "0f0018", "3 system ltr [ds:eax+0]2r ax"},
    {32, "0f0020", "3 system verr [ds:eax+0]2r =Z ax"},
    {32, "0f0028", "3 system verw [ds:eax+0]2r =Z ax"},
    {32, "0f0030", "2 ud"},
    {32, "0f0100", "3 system sgdt [ds:eax+0]6w ax"},
    {32, "0f0108", "3 system sidt [ds:eax+0]6w ax"},
    {32, "0f0110", "3 system lgdt [ds:eax+0]6r ax"},
    {32, "0f0118", "3 system lidt [ds:eax+0]6r ax"},
    {32, "660f0110", "4 system lgdt [ds:eax+0]6r ax o16"},
    {32, "0f0120", "3 system smsw [ds:eax+0]2w ax"},
    {32, "0f01e0", "3 system smsw ax"},
    {32, "0f0130", "3 system lmsw [ds:eax+0]2r ax"},
    {32, "0f0138", "3 system invlpg [ds:eax+0] ax"},
    {32, "0f01c8", "3 ud"},
    {32, "0f01c1", "3 ud"},
    {32, "0f01d0", "3 ud"},
    {32, "0f01f8", "2 ud"},
    {32, "0f01f9", "3 system rdtscp ax,cx,dx"},
    {32, "0f0202", "3 system lar [ds:edx+0]2r =Z ax,dx"},
    {32, "0f03c2", "3 system lsl =Z ax,dx"},
    {32, "63c8", "2 system arpl =Z ax,cx"},
    {32, "0f06", "2 system clts"},
    {32, "0f08", "2 system invd"},
    {32, "0f09", "2 system wbinvd"},
    {32, "f30f09", "3 system wbinvd"},
    {32, "0f20c0", "3 system mov ax"},
    {32, "0f22d8", "3 system mov ax"},
    {32, "0f2010", "3 system mov ax"},
    {32, "0f22e0", "3 system mov ax"},
    {32, "0f23f8", "3 system mov ax"},
    {32, "0f2140", "3 system mov ax"},
    {32, "0f22c8", "2 ud"},
    {32, "0f24c0", "2 ud"},
    {32, "0f30", "2 system wrmsr ax,cx,dx"},
    {32, "0f31", "2 system rdtsc ax,dx"},
    {32, "0f32", "2 system rdmsr ax,cx,dx"},
    {32, "0f33", "2 system rdpmc ax,cx,dx"},
    {32, "0fa2", "2 system cpuid ax,cx,dx,bx"},
    {32, "d800", "2 plain fadd [ds:eax+0]4r ax fpu"},
    {32, "d8c1", "2 plain fadd fpu"},
    {32, "d910", "2 plain fst [ds:eax+0]4w ax fpu"},
    {32, "d930", "2 fpu-state fnstenv [ds:eax+0]28w ax fpu"},
    {32, "66d930", "3 fpu-state fnstenv [ds:eax+0]14w ax fpu o16"},
    {32, "d938", "2 plain fnstcw [ds:eax+0]2w ax fpu"},
    {32, "9bd938", "1 plain fwait fpu"},
    {32, "d920", "2 fpu-state fldenv [ds:eax+0]28r ax fpu"},
    {32, "db28", "2 plain fld [ds:eax+0]10r ax fpu"},
    {32, "db7d00", "3 plain fstp [ss:ebp+0]10w bp fpu"},
    {32, "dd00", "2 plain fld [ds:eax+0]8r ax fpu"},
    {32, "dd20", "2 fpu-state frstor [ds:eax+0]108r ax fpu"},
    {32, "66dd20", "3 fpu-state frstor [ds:eax+0]94r ax fpu o16"},
    {32, "dd30", "2 fpu-state fnsave [ds:eax+0]108w ax fpu"},
    {32, "66dd30", "3 fpu-state fnsave [ds:eax+0]94w ax fpu o16"},
    {32, "dd38", "2 plain fnstsw [ds:eax+0]2w ax fpu"},
    {32, "df28", "2 plain fild [ds:eax+0]8r ax fpu"},
    {32, "df20", "2 plain fbld [ds:eax+0]10r ax fpu"},
    {32, "df30", "2 plain fbstp [ds:eax+0]10w ax fpu"},
    {32, "de00", "2 plain fiadd [ds:eax+0]2r ax fpu"},
    {32, "dfe0", "2 plain fnstsw ax fpu"},
    {32, "9b", "1 plain fwait fpu"},
    {32, "dbf1", "2 plain fcomi =CPAZSO fpu"},
    {32, "dff1", "2 plain fcomip =CPAZSO fpu"},
    {32, "dac1", "2 plain fcmovb >C fpu"},
    {32, "dbe3", "2 plain fninit fpu"},
    {32, "dbe0", "2 plain feni8087_nop fpu"},
    {32, "dcd1", "2 plain fcom fpu"},
    {32, "ded1", "2 plain fcomp fpu"},
    {32, "dfd1", "2 plain fstp fpu"},
    {32, "dfd9", "2 plain fstp fpu"},
    {32, "dfc1", "2 plain ffreep fpu"},
    {32, "d9d9", "2 plain fstpnce fpu"},
    {32, "d9c9", "2 plain fxch fpu"},
    {32, "db08", "2 plain fisttp [ds:eax+0]4w ax fpu"},
    {32, "dd08", "2 plain fisttp [ds:eax+0]8w ax fpu"},
    {32, "dd7c2404", "4 plain fnstsw [ss:esp+4]2w sp fpu"},
    {32, "d9c0", "2 plain fld fpu"},
    {32, "d9ee", "2 plain fldz fpu"},
    {32, "d9d8", "2 plain fstpnce fpu"},
    {32, "dae9", "2 plain fucompp fpu"},
    {32, "db10", "2 plain fist [ds:eax+0]4w ax fpu"},
    {32, "da00", "2 plain fiadd [ds:eax+0]4r ax fpu"},
    {32, "0f77", "2 plain emms fpu"},
    {32, "0f6fc1", "3 plain movq fpu"},
    {32, "0f7f00", "3 plain movq [ds:eax+0]8w ax fpu"},
    {32, "0f6ec0", "3 plain movd ax fpu"},
    {32, "0f7ec3", "3 plain movd bx fpu"},
    {32, "0ffcc1", "3 plain paddb fpu"},
    {32, "0fe700", "3 plain movntq [ds:eax+0]8w ax fpu"},
    {32, "0ff7c1", "3 legacy maskmovq di fpu"},
    {32, "660ff7c1", "4 legacy maskmovdqu di fpu sse o16"},
    {32, "64660ff7c1", "5 legacy maskmovdqu di fpu sse o16"},
    {32, "0fd7c1", "3 plain pmovmskb ax fpu"},
    {32, "0f70c1ff", "4 plain pshufw $ffffffff fpu"},
    {32, "0fc5c101", "4 plain pextrw $1 ax fpu"},
    {32, "0fc4c001", "4 plain pinsrw $1 ax fpu"},
    {32, "0f2800", "3 plain movaps [ds:eax+0]16r ax fpu sse"},
    {32, "0f11442410", "5 plain movups [ss:esp+10]16w sp fpu sse"},
    {32, "f30f1000", "4 plain movss [ds:eax+0]4r ax fpu sse"},
    {32, "f20f1000", "4 plain movsd [ds:eax+0]8r ax fpu sse"},
    {32, "660f1000", "4 plain movupd [ds:eax+0]16r ax fpu sse o16"},
    {32, "f30f2ac0", "4 plain cvtsi2ss ax fpu sse"},
    {32, "f20f2d00", "4 plain cvtsd2si [ds:eax+0]8r ax fpu sse"},
    {32, "0f2ec1", "3 plain ucomiss =CPAZSO fpu sse"},
    {32, "660f2f00", "4 plain comisd [ds:eax+0]8r =CPAZSO ax fpu sse o16"},
    {32, "0fae10", "3 plain ldmxcsr [ds:eax+0]4r ax fpu sse"},
    {32, "0fae18", "3 plain stmxcsr [ds:eax+0]4w ax fpu sse"},
    {32, "0fae00", "3 fpu-state fxsave [ds:eax+0]255w ax fpu"},
    {32, "0fae08", "3 fpu-state fxrstor [ds:eax+0]255r ax fpu"},
    {32, "0faef8", "3 plain sfence"},
    {32, "0faef0", "3 plain mfence"},
    {32, "0faee8", "3 plain lfence"},
    {32, "0f1800", "3 plain prefetchnta [ds:eax+0] ax"},
    {32, "0f1808", "3 plain prefetcht0 [ds:eax+0] ax"},
    {32, "0f0d08", "3 plain prefetchw [ds:eax+0] ax"},
    {32, "0f0d00", "3 plain prefetch [ds:eax+0] ax"},
    {32, "0f0dc0", "3 plain nop ax"},
    {32, "0f1f00", "3 plain nop [ds:eax+0] ax"},
    {32, "0f1f440000", "5 plain nop [ds:eax+eax*1+0] ax"},
    {32, "660f1f840000000000", "9 plain nop [ds:eax+eax*1+0] ax o16"},
    {32, "0f1ec0", "3 plain nop ax"},
    {32, "f30f1efb", "4 plain nop bx,di"},
    {32, "f30f1efa", "4 plain nop dx,di"},
    {32, "0f19c0", "3 plain nop ax"},
    {32, "f390", "2 plain pause"},
    {32, "0fc300", "3 plain movnti [ds:eax+0]4w ax"},
    {32, "f20fd6c1", "4 plain movdq2q fpu sse"},
    {32, "f30fd6c1", "4 plain movq2dq fpu sse"},
    {32, "0fd4c1", "3 plain paddq fpu"},
    {32, "660fd400", "4 plain paddq [ds:eax+0]16r ax fpu sse o16"},
    {32, "f20f7cc1", "4 plain haddps fpu sse"},
    {32, "f20ff000", "4 plain lddqu [ds:eax+0]16r ax fpu sse"},
    {32, "660f3800c1", "5 plain pshufb fpu sse o16"},
    {32, "0f3800c1", "4 plain pshufb fpu"},
    {32, "660f3817c1", "5 plain ptest =CPAZSO fpu sse o16"},
    {32, "660f3a0fc105", "6 plain palignr $5 fpu sse o16"},
    {32, "660f3a6300", "need more"},
    {32, "660f3a63c10c", "6 plain pcmpistri $c =CPAZSO cx fpu sse o16"},
    {32, "660f3a61c10c", "6 plain pcmpestri $c =CPAZSO ax,cx,dx fpu sse o16"},
    {32, "f20f38f100", "5 plain crc32 [ds:eax+0]4r ax"},
    {32, "66f20f38f1c0", "6 plain crc32 ax o16"},
    {32, "0f38f000", "4 plain movbe [ds:eax+0]4r ax"},
    {32, "0f38f100", "4 plain movbe [ds:eax+0]4w ax"},
    {32, "660f38dcc1", "5 plain aesenc fpu sse o16"},
    {32, "660f3a44c111", "6 plain pclmulqdq $11 fpu sse o16"},
    {32, "0fc7f0", "3 system rdrand =CPAZSO ax"},
    {32, "660fc7f0", "4 system rdrand =CPAZSO ax o16"},
    {32, "0fc7f4", "3 system rdrand =CPAZSO sp"},
    {16, "0fc7f7", "3 system rdrand =CPAZSO di o16 a16"},
    {16, "660fc7f1", "4 system rdrand =CPAZSO cx a16"},
    {32, "0fc7ff", "3 system rdseed =CPAZSO di"},
    {32, "660fc7fb", "4 system rdseed =CPAZSO bx o16"},
    {32, "f00fc7f0", "3 ud"},
    {32, "f0660fc7f8", "4 ud"},
    {32, "0fc730", "3 ud"}, /* VMPTRLD and VMPTRST, which no model has */
    {32, "0fc738", "3 ud"},
    {32, "f20fc7f0", "3 ud"}, /* a repeat prefix makes them others, as on real CPUs */
    {32, "f30fc7f0", "3 ud"},
    {32, "f20fc7f8", "3 ud"},
    {32, "f30fc7f8", "4 ud"}, /* RDPID */
    {32, "660f3a14c003", "6 plain pextrb $3 ax fpu sse o16"},
    {32, "660f3a1400ff", "6 plain pextrb [ds:eax+0]1w $ffffffff ax fpu sse o16"},
    {32, "660f3a16c001", "6 plain pextrd $1 ax fpu sse o16"},
    {32, "660f3a20c003", "6 plain pinsrb $3 ax fpu sse o16"},
    {32, "660fc5c102", "5 plain pextrw $2 ax fpu sse o16"},
    {32, "f20fc2c102", "5 plain cmpsd $2 fpu sse"},
    {32, "f20f10c1", "4 plain movsd fpu sse"},
    {32, "f20f79c1", "4 plain insertq fpu sse"},
    {32, "660f78c00102", "6 plain extrq $1$2 fpu sse o16"},
    {32, "f20f2b00", "4 plain movntsd [ds:eax+0]8w ax fpu sse"},
    {32, "0f5000", "2 ud"},
    {32, "0f50c1", "3 plain movmskps ax fpu sse"},
    {32, "660f6e00", "4 plain movd [ds:eax+0]4r ax fpu sse o16"},
    {32, "660fd600", "4 plain movq [ds:eax+0]8w ax fpu sse o16"},
    {32, "f30f7e00", "4 plain movq [ds:eax+0]8r ax fpu sse"},
    {32, "0f1600", "3 plain movhps [ds:eax+0]8r ax fpu sse"},
    {32, "0f12c1", "3 plain movhlps fpu sse"},
    {32, "660f3810c1", "5 plain pblendvb fpu sse o16"},
    {32, "c5f877", "3 ud"},
    {32, "c4e27900c0", "5 ud"},
    {32, "62f17c4858c0", "6 ud"},
    {32, "8fe878c0c001", "6 ud"},
    {32, "8fe0", "1 ud"},
    {32, "8f00", "2 stack pop [ds:eax+0]4w ax,sp"},
    {32, "8fc0", "2 stack pop ax,sp"},
    {32, "0f0f00bf", "4 ud"},
    {32, "0fae20", "3 ud"},
    {32, "0fae28", "3 ud"},
    {32, "f30faec0", "3 ud"},
    {32, "0f38c8c1", "4 ud"},
    {32, "660f38f6c0", "5 ud"},
    {32, "0fc7f8", "3 system rdseed =CPAZSO ax"},
    {32, "f30fc7f8", "4 ud"},
    {32, "0fc730", "3 ud"},
    {32, "0f0ec1", "2 ud"},
    {32, "0f0e", "2 ud"},
    {32, "0f0101", "3 system sgdt [ds:ecx+0]6w cx"},
    {32, "0f01ca", "3 ud"},
    {32, "c6f800", "3 ud"},
    {32, "c7f800000000", "6 ud"},
    {32, "c7c800000000", "1 ud"},
    {32, "0f04", "2 ud"},
    {32, "0f0a", "2 ud"},
    {32, "0f0c", "2 ud"},
    {32, "0f24", "2 ud"},
    {32, "0f36", "2 ud"},
    {32, "0f3900", "2 ud"},
    {32, "0f3c", "2 ud"},
    {32, "0fa6c0", "2 ud"},
    {32, "0fa7c0", "3 ud"},
    {32, "660fae30", "4 ud"},
    {32, "660fae38", "4 ud"},
    {32, "0f78c0", "3 ud"},
    {32, "0f37", "2 ud"},
    {32, "f090", "2 ud"},
    {32, "f0a4", "2 ud"},
    {32, "f089c8", "2 ud"},
    {32, "f001c8", "2 ud"},
    {32, "f08903", "2 ud"},
    {32, "f00fa303", "3 ud"},
    {32, "f00fab03", "4 plain bts [ds:ebx+0]4rw =C ax,bx"},
    {32, "f00fba2005", "3 ud"},
    {32, "f00fba3805", "5 plain btc [ds:eax+0]4rw $5 =C ax"},
    {32, "f0f703", "need more"},
    {32, "f0f713", "3 plain not [ds:ebx+0]4rw bx"},
    {32, "f08803", "2 ud"},
    {32, "f0d103", "2 ud"},
    {32, "f0c9", "2 ud"},
    {32, "f0cf", "2 ud"},
    {32, "f03900", "2 ud"},
    {32, "f08500", "2 ud"},
    {32, "f0f2", "need more"},
    {32, "f0f30fb10b", "5 plain cmpxchg [ds:ebx+0]4rw =CPAZSO ax,cx,bx"},
    {32, "f20f58c1", "4 plain addsd fpu sse"},
    {32, "f3f20f58c1", "5 plain addsd fpu sse"},
    {32, "f2f30f58c1", "5 plain addss fpu sse"},
    {32, "66f30f58c1", "5 plain addss fpu sse o16"},
    {32, "f3660f58c1", "5 plain addss fpu sse o16"},
    {32, "6666669066", "4 plain nop o16"},
    {32, "666666666666666690", "9 plain nop o16"},
    {32, "2e2e2e2e2e2e2e8b00", "9 plain mov [cs:eax+0]4r ax"},
    {32, "262626262626262626262626262626", "15 too-long"},
    {32, "262626262626262626262626268b00", "15 plain mov [es:eax+0]4r ax"},
    {32, "2626262626262626262626268b0500", "15 too-long"},
    {32, "666666666666666666666666666666", "15 too-long"},
    {32, "f3f3f3f3f3f3f3f3f3f3f3f3f3f3a4", "15 string movsb >D cx,si,di b"},
    {32, "262626262626262626262626260f04", "15 ud"},
    {16, "8b07", "2 plain mov [ds:ebx+0]2r ax,bx o16 a16"},
    {16, "8b00", "2 plain mov [ds:ebx+esi*1+0]2r ax,bx,si o16 a16"},
    {16, "8b01", "2 plain mov [ds:ebx+edi*1+0]2r ax,bx,di o16 a16"},
    {16, "8b02", "2 plain mov [ss:ebp+esi*1+0]2r ax,bp,si o16 a16"},
    {16, "8b03", "2 plain mov [ss:ebp+edi*1+0]2r ax,bp,di o16 a16"},
    {16, "8b04", "2 plain mov [ds:esi+0]2r ax,si o16 a16"},
    {16, "8b05", "2 plain mov [ds:edi+0]2r ax,di o16 a16"},
    {16, "8b063412", "4 plain mov [ds:1234]2r ax o16 a16"},
    {16, "8b46fe", "3 plain mov [ss:ebp+fffffffe]2r ax,bp o16 a16"},
    {16, "8b860080", "4 plain mov [ss:ebp+ffff8000]2r ax,bp o16 a16"},
    {16, "8b8000ff", "4 plain mov [ds:ebx+esi*1+ffffff00]2r ax,bx,si o16 a16"},
    {16, "8b4780", "3 plain mov [ds:ebx+ffffff80]2r ax,bx o16 a16"},
    {16, "8b1e00f0", "4 plain mov [ds:f000]2r bx o16 a16"},
    {16, "678b0500000080", "7 plain mov [ds:80000000]2r ax o16"},
    {16, "678b4508", "4 plain mov [ss:ebp+8]2r ax,bp o16"},
    {16, "66678b0424", "5 plain mov [ss:esp+0]4r ax,sp"},
    {16, "a1ff80", "3 plain mov [ds:80ff]2r ax o16 a16"},
    {16, "66a13412", "4 plain mov [ds:1234]4r ax a16"},
    {16, "a0ffff", "3 plain mov [ds:ffff]1r ax b o16 a16"},
    {16, "678b042d00000000", "8 plain mov [ds:ebp*1+0]2r ax,bp o16"},
    {16, "368b00", "3 plain mov [ss:ebx+esi*1+0]2r ax,bx,si o16 a16"},
    {16, "2e8b4600", "4 plain mov [cs:ebp+0]2r ax,bp o16 a16"},
    {16, "8d46fe", "3 plain lea [ss:ebp+fffffffe] ax,bp o16 a16"},
    {16, "66678d4508", "5 plain lea [ss:ebp+8] ax,bp"},
    {16, "01d8", "2 plain add =CPAZSO ax,bx o16 a16"},
    {16, "6601d8", "3 plain add =CPAZSO ax,bx a16"},
    {16, "e8fdff", "3 branch call $fffffffd sp o16 a16"},
    {16, "66e8fdffffff", "6 branch call $fffffffd sp a16"},
    {16, "e3fe", "2 branch jcxz $fffffffe cx o16 a16"},
    {16, "67e3fe", "3 branch jecxz $fffffffe cx o16"},
    {16, "7010", "2 branch jo $10 >O o16 a16"},
    {16, "0f800001", "4 branch jo $100 >O o16 a16"},
    {16, "c3", "1 branch ret sp o16 a16"},
    {16, "66c3", "2 branch ret sp a16"},
    {16, "c20400", "3 branch ret $4 sp o16 a16"},
    {16, "ea5b00f0ff9a00f0ff9a", "5 system jmp $5b$fff0 >CPAZSOD o16 a16"},
    {16, "9a34120010", "5 system call $1234$1000 >CPAZSOD sp o16 a16"},
    {16, "66ea785634120800", "8 system jmp $12345678$8 >CPAZSOD a16"},
    {16, "ff2e0400", "4 system jmp [ds:4]4r >CPAZSOD o16 a16"},
    {16, "66ff2e0400", "5 system jmp [ds:4]6r >CPAZSOD a16"},
    {16, "ff1f", "2 system call [ds:ebx+0]4r >CPAZSOD bx,sp o16 a16"},
    {16, "c407", "2 system les [ds:ebx+0]4r ax,bx o16 a16"},
    {16, "66c407", "3 system les [ds:ebx+0]6r ax,bx a16"},
    {16, "0fb407", "3 system lfs [ds:ebx+0]4r ax,bx o16 a16"},
    {16, "cd10", "2 system int $10 >CPAZSOD sp o16 a16"},
    {16, "cf", "1 system iret >CPAZSOD =CPAZSOD sp o16 a16"},
    {16, "66cf", "2 system iretd >CPAZSOD =CPAZSOD sp a16"},
    {16, "9c", "1 system pushf >CPAZSOD sp o16 a16"},
    {16, "669d", "2 system popfd =CPAZSOD sp a16"},
    {16, "60", "1 stack pusha ax,cx,dx,bx,sp,bp,si,di o16 a16"},
    {16, "6661", "2 stack popad ax,cx,dx,bx,sp,bp,si,di a16"},
    {16, "c8040000", "4 stack enter $4 sp,bp o16 a16"},
    {16, "68ffff", "3 stack push $ffffffff sp o16 a16"},
    {16, "6668ffffffff", "6 stack push $ffffffff sp a16"},
    {16, "a4", "1 string movsb >D si,di b o16 a16"},
    {16, "67a4", "2 string movsb >D si,di b o16"},
    {16, "f366a5", "3 string movsd >D cx,si,di a16"},
    {16, "f3ab", "2 string stosw >D ax,cx,di o16 a16"},
    {16, "66f367ab", "4 string stosd >D ax,cx,di"},
    {16, "ec", "1 system in ax,dx b o16 a16"},
    {16, "66ef", "2 system out ax,dx a16"},
    {16, "0f0107", "3 system sgdt [ds:ebx+0]6w bx o16 a16"},
    {16, "660f0107", "4 system sgdt [ds:ebx+0]6w bx a16"},
    {16, "0f0116f8ff", "5 system lgdt [ds:fff8]6r o16 a16"},
    {16, "660f0116f8ff", "6 system lgdt [ds:fff8]6r a16"},
    {16, "0f011ef8ff", "5 system lidt [ds:fff8]6r o16 a16"},
    {16, "0f20c0", "3 system mov ax o16 a16"},
    {16, "660f22c0", "4 system mov ax a16"},
    {16, "0f01e0", "3 system smsw ax o16 a16"},
    {16, "0f09", "2 system wbinvd o16 a16"},
    {16, "d907", "2 plain fld [ds:ebx+0]4r bx fpu o16 a16"},
    {16, "d937", "2 fpu-state fnstenv [ds:ebx+0]14w bx fpu o16 a16"},
    {16, "66d937", "3 fpu-state fnstenv [ds:ebx+0]28w bx fpu a16"},
    {16, "dd37", "2 fpu-state fnsave [ds:ebx+0]94w bx fpu o16 a16"},
    {16, "66dd37", "3 fpu-state fnsave [ds:ebx+0]108w bx fpu a16"},
    {16, "0fae07", "3 fpu-state fxsave [ds:ebx+0]255w bx fpu o16 a16"},
    {16, "6207", "2 legacy bound [ds:ebx+0]4r ax,bx o16 a16"},
    {16, "666207", "3 legacy bound [ds:ebx+0]8r ax,bx a16"},
    {16, "9b", "1 plain fwait fpu o16 a16"},
    {16, "ff37", "2 stack push [ds:ebx+0]2r bx,sp o16 a16"},
    {16, "8f06", "need more"},
    {16, "8f060001", "4 stack pop [ds:100]2w sp o16 a16"},
    {16, "66ff77fe", "4 stack push [ds:ebx+fffffffe]4r bx,sp a16"},
    {16, "98", "1 plain cbw ax o16 a16"},
    {16, "6698", "2 plain cwde ax a16"},
    {16, "40", "1 plain inc =PAZSO ax o16 a16"},
    {16, "6640", "2 plain inc =PAZSO ax a16"},
    {16, "b83412", "3 plain mov $1234 ax o16 a16"},
    {16, "66b878563412", "6 plain mov $12345678 ax a16"},
    {16, "c1e004", "3 plain shl $4 =CPAZSO ax o16 a16"},
    {16, "d3e0", "2 plain shl ax,cx o16 a16"},
    {16, "f7f1", "2 plain div ax,cx,dx o16 a16"},
    {16, "66f7f1", "3 plain div ax,cx,dx a16"},
    {16, "0fb6c4", "3 plain movzx ax M8 o16 a16"},
    {16, "0fb7c0", "3 plain movzx ax o16 a16"},
    {16, "660fb7c0", "4 plain movzx ax a16"},
    {16, "8ed8", "2 system mov ax o16 a16"},
    {16, "8cd8", "2 system mov ax o16 a16"},
    {16, "1e", "1 system push sp o16 a16"},
    {16, "0fa1", "2 system pop sp o16 a16"},
    {16, "f4", "1 system hlt o16 a16"},
    {16, "fa", "1 system cli o16 a16"},
    {16, "d6", "1 legacy salc >C ax b o16 a16"},
    {16, "d7", "1 legacy xlat ax,bx o16 a16"},
    {16, "37", "1 legacy aaa >A =CPAZSO ax o16 a16"},
    {16, "63c8", "2 system arpl =Z ax,cx o16 a16"},
    {16, "26268a07", "4 plain mov [es:ebx+0]1r ax,bx b R8 o16 a16"},
    {16, "65678a03", "4 plain mov [gs:ebx+0]1r ax,bx b R8 o16"},
};

static bool row_is_right(const struct row *row) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    unsigned n = parse_hex(row->hex, bytes);
    enum dec_status status = dec_insn(bytes, n, row->bits == 32, ALL_FEATURES, &in);
    struct text got = {.buf = "need more"};
    if (status == DEC_OK) got = describe(&in);
    if (strcmp(got.buf, row->expect) == 0) return true;
    print_error("    {%u, \"%s\", \"%s\"},\n", row->bits, row->hex, got.buf);
    return false;
}

static void test_rows(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) wrong += !row_is_right(&rows[i]);
    assert_int_equal(wrong, 0);
}

/* Bytes, and the class without and with the features. */
static void test_features(void **state) {
    static const struct {
        const char *hex;
        uint32_t feature;
        uint8_t with;
    } cases[] = {
        {"0f44c1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"dbf1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"dac1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"0ffcc1", DEC_F_MMX, DEC_CLASS_PLAIN},
        {"0fe0c1", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0f58c1", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0fae10", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0f1800", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"660f58c1", DEC_F_SSE2, DEC_CLASS_PLAIN},
        {"0fd4c1", DEC_F_SSE2, DEC_CLASS_PLAIN},
        {"660f7cc1", DEC_F_SSE3, DEC_CLASS_PLAIN},
        {"db08", DEC_F_SSE3, DEC_CLASS_PLAIN},
        {"0f3800c1", DEC_F_SSSE3, DEC_CLASS_PLAIN},
        {"660f3817c1", DEC_F_SSE41, DEC_CLASS_PLAIN},
        {"f20f38f1c0", DEC_F_SSE42, DEC_CLASS_PLAIN},
        {"f30fb8c1", DEC_F_POPCNT, DEC_CLASS_PLAIN},
        {"0fc70b", DEC_F_CX8, DEC_CLASS_PLAIN},
        {"0fae00", DEC_F_FXSR, DEC_CLASS_FPU_STATE},
        {"0f34", DEC_F_SYSENTER, DEC_CLASS_SYSTEM},
        {"0fae38", DEC_F_CLFLUSH, DEC_CLASS_PLAIN},
        {"660f38dcc1", DEC_F_AES, DEC_CLASS_PLAIN},
        {"660f3a44c100", DEC_F_PCLMUL, DEC_CLASS_PLAIN},
        {"0f38f000", DEC_F_MOVBE, DEC_CLASS_PLAIN},
        {"0f01f9", DEC_F_RDTSCP, DEC_CLASS_SYSTEM},
        {"d9c0", DEC_F_FPU, DEC_CLASS_PLAIN},
        {"0f31", DEC_F_TSC, DEC_CLASS_SYSTEM},
        {"0f32", DEC_F_MSR, DEC_CLASS_SYSTEM},
        {"0f1f00", DEC_F_NOPL, DEC_CLASS_PLAIN},
        {"0f0d08", DEC_F_3DNOWPREFETCH, DEC_CLASS_PLAIN},
        {"0fc7f0", DEC_F_RDRAND, DEC_CLASS_SYSTEM},
        {"0fc7f8", DEC_F_RDSEED, DEC_CLASS_SYSTEM},
        {"f20f79c1", DEC_F_SSE4A, DEC_CLASS_PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[DEC_MAX_LEN];
        struct insn in;
        unsigned n = parse_hex(cases[i].hex, bytes);
        assert_int_equal(dec_insn(bytes, n, true, ALL_FEATURES & ~cases[i].feature, &in), DEC_OK);
        assert_int_equal(in.cls, DEC_CLASS_UD);
        assert_int_equal(dec_insn(bytes, n, true, ALL_FEATURES, &in), DEC_OK);
        assert_int_equal(in.cls, cases[i].with);
    }
}

static unsigned mnemonic_of(const char *hex, uint32_t features) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    unsigned n = parse_hex(hex, bytes);
    assert_int_equal(dec_insn(bytes, n, true, features, &in), DEC_OK);
    assert_int_equal(in.cls, DEC_CLASS_PLAIN);
    return in.mnemonic;
}

/* Without their feature these encodings are older instructions with a prefix that is ignored. */
static void test_fallbacks(void **state) {
    (void)state;
    assert_int_equal(mnemonic_of("f30fbdc1", ALL_FEATURES), ZYDIS_MNEMONIC_LZCNT);
    assert_int_equal(mnemonic_of("f30fbdc1", ALL_FEATURES & ~DEC_F_LZCNT), ZYDIS_MNEMONIC_BSR);
    assert_int_equal(mnemonic_of("f30fbcc1", ALL_FEATURES), ZYDIS_MNEMONIC_TZCNT);
    assert_int_equal(mnemonic_of("f30fbcc1", ALL_FEATURES & ~DEC_F_BMI1), ZYDIS_MNEMONIC_BSF);
    assert_int_equal(mnemonic_of("f390", 0), ZYDIS_MNEMONIC_PAUSE);
}

/* The fields that the rows do not show: prefixes and offsets. */
static void test_offsets(void **state) {
    static const uint8_t bytes[] = {0xf3, 0x65, 0x26, 0x66, 0x0f, 0x38, 0xf1, 0x44, 0x8b, 0x10};
    static const uint8_t enter[] = {0xc8, 0x34, 0x12, 0x05};
    static const uint8_t add[] = {0xf0, 0x66, 0x67, 0x81, 0x46, 0x10, 0xfe, 0xff};
    struct insn in;
    (void)state;
    assert_int_equal(dec_insn(add, sizeof(add), true, 0, &in), DEC_OK);
    assert_int_equal(in.len, 8);
    assert_memory_equal(in.bytes, add, sizeof(add));
    assert_true(in.lock && in.has_66 && in.has_67 && !in.seg_override && in.rep == 0);
    assert_true(in.map == 0 && in.opcode == 0x81 && in.opcode_off == 3 && in.has_modrm && in.modrm_off == 4);
    assert_true(in.mod == 1 && in.reg == 0 && in.rm == 6 && in.imm_off == 6 && in.imm_size == 2);
    assert_int_equal(in.imm, 0xfffffffe);
    assert_int_equal(dec_insn(enter, sizeof(enter), true, 0, &in), DEC_OK);
    assert_true(in.imm_off == 1 && in.imm_size == 2 && in.imm == 0x1234 && in.imm2 == 5);
    static const uint8_t xlat[] = {0x65, 0xd7}, movs[] = {0xa4};
    assert_int_equal(dec_insn(xlat, sizeof(xlat), true, 0, &in), DEC_OK);
    assert_true(!in.mem.present && in.mem.seg == DEC_GS);
    assert_int_equal(dec_insn(movs, sizeof(movs), true, 0, &in), DEC_OK);
    assert_true(!in.mem.present && in.mem.seg == DEC_DS && !in.seg_override);
    assert_int_equal(dec_insn(bytes, sizeof(bytes), true, ALL_FEATURES, &in), DEC_OK);
    assert_true(in.rep == 0xf3 && in.has_66 && !in.has_67 && in.seg_override && in.opcode_off == 4);
}

/* A page whose end is followed by one that cannot be read. */
static uint8_t *page_end(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(two, MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    return two + page;
}

static uint64_t rng = 88172645463325252u;

static uint8_t random_byte(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint8_t)(rng >> 32);
}

/* Opcode number `index` (0..1023, the four maps), one or no prefix, a random tail. */
static void random_insn(uint8_t out[DEC_MAX_LEN], unsigned index) {
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x65};
    static const uint8_t third[] = {0, 0, 0x38, 0x3a};
    unsigned n = 0, map = index >> 8;
    uint8_t choice = random_byte();
    for (; choice & 1 && n < 3; choice = (uint8_t)(choice >> 1 & random_byte()))
        out[n++] = prefixes[random_byte() % sizeof(prefixes)];
    if (map > 0) out[n++] = 0x0f;
    if (map > 1) out[n++] = third[map];
    out[n++] = (uint8_t)index;
    while (n < DEC_MAX_LEN) out[n++] = random_byte();
}

static void check_fields(const struct insn *in) {
    assert_in_range(in->len, 1, DEC_MAX_LEN);
    assert_in_range(in->cls, 0, DEC_CLASS_TOO_LONG);
    assert_true(in->imm_off <= in->len && in->opcode_off <= in->len);
    assert_true(in->mem.base <= DEC_NOREG && in->mem.index <= DEC_NOREG && in->mem.seg < DEC_SEG_COUNT);
    assert_true(in->mem.accessed == (in->mem.read || in->mem.write));
    assert_true(in->mem.accessed == (in->mem.size != 0));
    assert_true(in->mem.present || !in->mem.accessed);
}

/* With fewer bytes the answer is NEED_MORE, or #UD when that is certain already; never a shorter instruction. */
static void check_every_prefix(uint8_t *end, const uint8_t bytes[DEC_MAX_LEN], bool code32) {
    struct insn whole, part;
    memcpy(end - DEC_MAX_LEN, bytes, DEC_MAX_LEN);
    assert_int_equal(dec_insn(end - DEC_MAX_LEN, DEC_MAX_LEN, code32, ALL_FEATURES, &whole), DEC_OK);
    check_fields(&whole);
    for (unsigned avail = 1; avail < DEC_MAX_LEN; avail++) {
        memcpy(end - avail, bytes, avail);
        enum dec_status status = dec_insn(end - avail, avail, code32, ALL_FEATURES, &part);
        if (avail < whole.len && whole.cls != DEC_CLASS_UD) assert_int_equal(status, DEC_NEED_MORE);
        if (status == DEC_OK) {
            assert_int_equal(part.cls, whole.cls);
            assert_int_equal(part.len, whole.len);
        }
        if (avail >= whole.len && whole.cls != DEC_CLASS_UD) assert_int_equal(status, DEC_OK);
    }
}

static void test_sweep(void **state) {
    enum { ROUNDS = 60 };
    uint8_t *end = page_end();
    uint8_t bytes[DEC_MAX_LEN];
    (void)state;
    for (unsigned i = 0; i < ROUNDS * 1024; i++) {
        random_insn(bytes, i & 1023);
        check_every_prefix(end, bytes, true);
        check_every_prefix(end, bytes, false);
    }
}

#if __has_include(<capstone/capstone.h>)
#include <capstone/capstone.h>
#include <dlfcn.h>

/* Capstone is optional: it is found at run time, and the test skipped where it is missing. */
struct capstone {
    __typeof__(&cs_open) open;
    __typeof__(&cs_disasm) disasm;
    __typeof__(&cs_free) free;
    __typeof__(&cs_close) close;
};

static bool load_capstone(struct capstone *cs) {
    void *lib = dlopen("libcapstone.so.4", RTLD_NOW);
    if (!lib) return false;
    cs->open = (__typeof__(&cs_open))dlsym(lib, "cs_open");
    cs->disasm = (__typeof__(&cs_disasm))dlsym(lib, "cs_disasm");
    cs->free = (__typeof__(&cs_free))dlsym(lib, "cs_free");
    cs->close = (__typeof__(&cs_close))dlsym(lib, "cs_close");
    return cs->open && cs->disasm && cs->free && cs->close;
}

/* Where Capstone 4 is wrong, seen by running the instruction on a CPU. */
static bool capstone_is_wrong(const struct insn *in) {
    if (in->map == 1 && in->opcode == 0x78) return true;                 /* SSE4a: takes EXTRQ and INSERTQ for VMREAD */
    return in->mnemonic == ZYDIS_MNEMONIC_CALL && in->has_66 && in->rep; /* reads four bytes of displacement */
}

static unsigned compare_lengths(const struct capstone *cs, csh handle, bool code32, unsigned index) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    cs_insn *other;
    random_insn(bytes, index);
    assert_int_equal(dec_insn(bytes, DEC_MAX_LEN, code32, ALL_FEATURES, &in), DEC_OK);
    if (in.cls == DEC_CLASS_UD || in.cls == DEC_CLASS_TOO_LONG || capstone_is_wrong(&in)) return 0;
    if (!cs->disasm(handle, bytes, DEC_MAX_LEN, 0, 1, &other))
        return 0; /* Capstone rejects many prefix combinations that CPUs accept */
    unsigned wrong = other->size != in.len;
    if (wrong)
        print_error("%d-bit %s: %u bytes, Capstone %s %s %u; %02x %02x %02x %02x %02x %02x\n", code32 ? 32 : 16,
                    describe(&in).buf, in.len, other->mnemonic, other->op_str, other->size, bytes[0], bytes[1],
                    bytes[2], bytes[3], bytes[4], bytes[5]);
    cs->free(other, 1);
    return wrong;
}

static void test_capstone(void **state) {
    enum { ROUNDS = 60 };
    struct capstone cs = {NULL, NULL, NULL, NULL};
    csh handles[2];
    unsigned wrong = 0;
    (void)state;
    if (!load_capstone(&cs)) skip();
    assert_int_equal(cs.open(CS_ARCH_X86, CS_MODE_16, &handles[0]), CS_ERR_OK);
    assert_int_equal(cs.open(CS_ARCH_X86, CS_MODE_32, &handles[1]), CS_ERR_OK);
    for (unsigned i = 0; i < ROUNDS * 1024; i++) {
        wrong += compare_lengths(&cs, handles[0], false, i & 1023);
        wrong += compare_lengths(&cs, handles[1], true, i & 1023);
    }
    cs.close(&handles[0]);
    cs.close(&handles[1]);
    assert_int_equal(wrong, 0);
}
#else
static void test_capstone(void **state) {
    (void)state;
    skip();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_features), cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_offsets), cmocka_unit_test(test_sweep),    cmocka_unit_test(test_capstone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
