/* symbols_file.c: symbols from a file: ELF by libelf, or lines of address, type and name as nm and System.map have
 * them. */
#include "monitor/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (INT64_C(2) << 30)

static bool fail(char *errbuf, size_t errlen, const char *path, const char *why) {
    snprintf(errbuf, errlen, "symbols %s: %s", path, why);
    return false;
}

/* ---- ELF ---- */

static bool is_wanted(const GElf_Sym *sym) {
    int type = GELF_ST_TYPE(sym->st_info);
    if (type != STT_NOTYPE && type != STT_FUNC && type != STT_OBJECT) return false;
    return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS && sym->st_value <= UINT32_MAX;
}

static bool add_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *head, struct symbol_table *t) {
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && head->sh_entsize ? head->sh_size / head->sh_entsize : 0;
    for (size_t i = 0; i < n && i <= INT32_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym)) break;
        const char *name = is_wanted(&sym) ? elf_strptr(elf, head->sh_link, sym.st_name) : NULL;
        if (name && !symbol_table_add(t, (uint32_t)sym.st_value, name, strlen(name))) return false;
    }
    return true;
}

static bool read_elf(int fd, const char *path, struct symbol_table *t, char *errbuf, size_t errlen) {
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    bool fits = true;
    if (!elf) return fail(errbuf, errlen, path, elf_errmsg(-1));
    for (Elf_Scn *s = NULL; fits && (s = elf_nextscn(elf, s)) != NULL;) {
        GElf_Shdr head;
        if (gelf_getshdr(s, &head) && head.sh_type == SHT_SYMTAB) fits = add_section(elf, s, &head, t);
    }
    elf_end(elf);
    return fits || fail(errbuf, errlen, path, "too many symbols");
}

/* ---- Lists ---- */

/* An undefined symbol has no address at all. */
static bool take_line(const char *line, struct symbol_table *t, bool *fits) {
    char *end;
    errno = 0;
    unsigned long long address = strtoull(line, &end, 16);
    if (end == line) return line[strspn(line, " \t\r\n")] == 0 || strstr(line, " U ") || strstr(line, " w ");
    if (errno || end[0] != ' ' || !end[1] || end[2] != ' ') return false;
    size_t len = strcspn(end + 3, " \t\r\n");
    bool wanted = address <= UINT32_MAX && !strchr("AaUN", end[1]);
    if (wanted) *fits = symbol_table_add(t, (uint32_t)address, end + 3, len);
    return len > 0;
}

static bool read_list(int fd, const char *path, struct symbol_table *t, char *errbuf, size_t errlen) {
    char *line = NULL;
    size_t room = 0;
    bool good = true, fits = true;
    FILE *f = fdopen(dup(fd), "r");
    if (!f) return fail(errbuf, errlen, path, strerror(errno));
    while (good && fits && getline(&line, &room, f) > 0) good = take_line(line, t, &fits);
    free(line);
    fclose(f);
    if (!fits) return fail(errbuf, errlen, path, "too many symbols");
    return good || fail(errbuf, errlen, path, "is neither an ELF file nor lines of address, type and name");
}

bool symbols_read_file(const char *path, struct symbol_table *t, char *errbuf, size_t errlen) {
    char magic[SELFMAG] = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(errbuf, errlen, path, strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        close(fd);
        return fail(errbuf, errlen, path, "is not a file of at most 2 GiB");
    }
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    bool elf = got == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
    bool ok = elf ? read_elf(fd, path, t, errbuf, errlen) : read_list(fd, path, t, errbuf, errlen);
    close(fd);
    if (ok && !t->n) ok = fail(errbuf, errlen, path, "holds no symbols");
    if (ok) symbol_table_seal(t);
    return ok;
}
