/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugin of QEMU's code generator: at every `mov r9, r9` of the guest it writes a line with the
 * bytes loaded and the bytes stored so far; how many bytes of the stack were in use since the last
 * mark, at most (stack=START:END are its addresses, hexadecimal); lines of flash read anew, as a
 * core reads them that keeps the last one; then for each class of instructions how many were
 * executed, and for each behind how many of these the code went on elsewhere. Marks themselves are
 * excluded. classes=COUNT:FILE has an instruction's address, hexadecimal, and its class on a line.
 * All are exact and the same in every run; bytes=off leaves bytes and stack out, which is faster.
 * At the end profile=FILE receives how often every instruction ran: its address and the number. The
 * few functions of the plugin interface that it needs are declared here (QEMU 4.2 or later, version
 * 1 of the interface), because Debian ships no header of it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MARK 0x46C9u /* mov r9, r9 */
#define LONG 0xE800u /* the first half of an instruction of two begins with 11101, 11110 or 11111 \
                      */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translate_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*execute_fn)(unsigned cpu, void *data);
typedef void (*exit_fn)(uint64_t id, void *data);
typedef void (*access_fn)(unsigned cpu, uint32_t info, uint64_t address, void *data);
enum { NO_REGISTERS = 0, ADD_U64 = 0, READ_AND_WRITE = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translate_fn call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, execute_fn call, int flags,
                                          void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, execute_fn call,
                                            int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *counter, uint64_t amount);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, access_fn call, int flags,
                                      int accesses, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_atexit_cb(uint64_t id, exit_fn call, void *data);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
bool qemu_plugin_mem_is_store(uint32_t info);

EXPORT int qemu_plugin_version = 1;

enum { MOST_CLASSES = 64, CODE_BYTES = 1 << 20, LINE_BYTES = 16 }; /* as in bench/cycles.py */

static uint64_t executed[MOST_CLASSES], jumps[MOST_CLASSES], lines, bytes[2]; /* loaded, stored */
static unsigned classes;
static uint64_t code;                    /* address of the first instruction that has a class */
static uint8_t class_at[CODE_BYTES / 2]; /* of an instruction at twice the index behind that */
static FILE *out, *profile;

/* instructions in a row, of which only the last may be followed by one elsewhere */
struct block {
    uint64_t start, end;
    unsigned last; /* class of the last one */
};
static struct block before; /* executed last */

/* one instruction; a block that is translated again has new ones */
struct place {
    struct place *next;
    uint64_t address, executed;
};
static struct place *places;
static bool count_bytes = true;
static uint64_t stack_start, stack_end, deepest; /* addresses */

static void on_mark(unsigned cpu, void *data) {
    (void)cpu;
    (void)data;
    fprintf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, bytes[0], bytes[1],
            stack_end - deepest, lines);
    for (unsigned i = 0u; i < classes; i++)
        fprintf(out, " %" PRIu64, executed[i]);
    for (unsigned i = 0u; i < classes; i++)
        fprintf(out, " %" PRIu64, jumps[i]);
    fputc('\n', out);
    fflush(out);
    deepest = stack_end;
}

static void on_block(unsigned cpu, void *data) {
    const struct block *block = data;
    (void)cpu;
    uint64_t first = block->start / LINE_BYTES, last = (block->end - 1u) / LINE_BYTES;
    lines += last - first + (first != (before.end - 1u) / LINE_BYTES);
    jumps[before.last] += block->start != before.end;
    before = *block;
}

static void on_access(unsigned cpu, uint32_t info, uint64_t address, void *data) {
    (void)cpu;
    (void)data;
    if (address >= stack_start && address < deepest)
        deepest = address;
    bytes[qemu_plugin_mem_is_store(info)] += 1u << qemu_plugin_mem_size_shift(info);
}

static uint16_t first_half(const struct qemu_plugin_insn *insn) {
    uint16_t code;
    memcpy(&code, qemu_plugin_insn_data(insn), sizeof code);
    return code;
}

static bool is_mark(const struct qemu_plugin_insn *insn) {
    return first_half(insn) == MARK; /* no longer instruction begins so */
}

/* in bytes; QEMU takes the last one of a page for longer than it is */
static unsigned size_of(const struct qemu_plugin_insn *insn) {
    return first_half(insn) >= LONG ? 4u : 2u;
}

static uint64_t *counter_of(const struct qemu_plugin_insn *insn) {
    struct place *place = malloc(sizeof *place);
    if (place == NULL)
        abort();
    *place = (struct place){places, qemu_plugin_insn_vaddr(insn), 0u};
    places = place;
    return &place->executed;
}

static void on_exit_of_qemu(uint64_t id, void *data) {
    (void)id;
    (void)data;
    for (const struct place *place = places; place != NULL; place = place->next)
        fprintf(profile, "%llx %llu\n", (unsigned long long)place->address,
                (unsigned long long)place->executed);
    fclose(profile);
}

static unsigned class_of(uint64_t address) {
    return address - code < CODE_BYTES ? class_at[(address - code) / 2u] : 0u;
}

static struct block *block_of(const struct qemu_plugin_tb *tb) {
    struct block *block = malloc(sizeof *block);
    if (block == NULL)
        abort();
    const struct qemu_plugin_insn *last =
        qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1u);
    uint64_t at = qemu_plugin_insn_vaddr(last);
    block->start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0u));
    block->end = at + size_of(last);
    block->last = class_of(at);
    return block;
}

static void on_translate(uint64_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, block_of(tb));
    for (size_t i = 0u; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        if (is_mark(insn)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, NO_REGISTERS, NULL);
            continue;
        }
        qemu_plugin_register_vcpu_insn_exec_inline(
            insn, ADD_U64, &executed[class_of(qemu_plugin_insn_vaddr(insn))], 1u);
        if (profile != NULL)
            qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, counter_of(insn), 1u);
        if (count_bytes)
            qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS, READ_AND_WRITE, NULL);
    }
}

static void read_classes(const char *option) {
    char *end;
    unsigned long count = strtoul(option, &end, 10);
    FILE *file = fopen(end + 1, "r");
    if (file == NULL || count > MOST_CLASSES)
        abort();
    classes = (unsigned)count;
    uint64_t address;
    unsigned class;
    code = UINT64_MAX;
    while (fscanf(file, "%" SCNx64 " %u", &address, &class) == 2) {
        code = address < code ? address : code; /* they ascend */
        if (address - code >= CODE_BYTES)
            abort();
        class_at[(address - code) / 2u] = (uint8_t)class;
    }
    fclose(file);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "out=", 4u) == 0)
            out = fopen(argv[i] + 4, "w");
        else if (strncmp(argv[i], "profile=", 8u) == 0)
            profile = fopen(argv[i] + 8, "w");
        else if (strncmp(argv[i], "stack=", 6u) == 0)
            sscanf(argv[i] + 6, "%" SCNx64 ":%" SCNx64, &stack_start, &stack_end);
        else if (strncmp(argv[i], "classes=", 8u) == 0)
            read_classes(argv[i] + 8);
        else if (strcmp(argv[i], "bytes=off") == 0)
            count_bytes = false;
    if (out == NULL)
        return -1;
    deepest = stack_end;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    if (profile != NULL)
        qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
