/*
 * mgmt_user.c: what a user would see and type: pictures of the screen, keys.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_file.h"

/* ---- Pictures ---- */

static bool write_ppm(FILE *f, const struct mon_picture *p) {
    fprintf(f, "P6\n%u %u\n255\n", p->width, p->height);
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        uint32_t v = p->pixels[i];
        const uint8_t rgb[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        fwrite(rgb, 3, 1, f);
    }
    return !ferror(f);
}

static json_t *end_file(struct mgmt_call *c, const char *path, FILE *f, bool ok) {
    if (f && fclose(f)) ok = false;
    return f && ok ? mgmt_nothing() : mgmt_fail(c, "cannot write %.300s: %s", path, strerror(errno));
}

static json_t *dump_picture(struct mgmt_call *c, const char *path, bool png) {
    struct mon_picture p;
    char why[160] = "";
    if (!mgmt_asked(c, mon_ask_picture(c->machine, &p, why, sizeof why), why)) return NULL;
    FILE *f = mgmt_file_open(path);
    bool ok = f && (png ? mon_picture_png(f, &p) : write_ppm(f, &p));
    mon_picture_free(&p);
    return end_file(c, path, f, ok);
}

static json_t *dump_text(struct mgmt_call *c, const char *path) {
    struct mon_screen_text *t = malloc(sizeof *t);
    if (!t) return mgmt_fail(c, "out of memory");
    bool asked = mgmt_asked(c, mon_ask_screen_text(c->machine, t), NULL);
    FILE *f = asked ? mgmt_file_open(path) : NULL;
    bool ok = f && fputs(t->text, f) >= 0;
    free(t);
    return asked ? end_file(c, path, f, ok) : NULL;
}

static bool ends(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

/* The format by what is said, else by the name, else as QEMU does. */
static json_t *screendump(struct mgmt_call *c) {
    const char *path = mgmt_arg_text(c, "filename", ""), *by_name = ends(path, ".png") ? "png" : "ppm";
    if (ends(path, ".txt")) by_name = "txt";
    const char *format = mgmt_arg_text(c, "format", by_name);
    return strcmp(format, "txt") ? dump_picture(c, path, !strcmp(format, "png")) : dump_text(c, path);
}

static json_t *screen_text(struct mgmt_call *c) {
    struct mon_screen_text *t = malloc(sizeof *t);
    bool asked = t && mgmt_asked(c, mon_ask_screen_text(c->machine, t), NULL);
    json_t *r = asked ? json_pack("{s:s}", "text", t->text) : NULL;
    free(t);
    return r;
}

/* ---- Keys ---- */

enum { HOLD_MS = 100 /* as QEMU */, NUMBER = 24 };

/* {type: qcode, data: name}, {type: number, data: code}, or a bare name. */
static const char *key_name(const json_t *key, char number[NUMBER]) {
    const char *type = json_string_value(json_object_get(key, "type"));
    const json_t *data = json_object_get(key, "data");
    if (json_is_string(key)) return json_string_value(key);
    if (!type) return NULL;
    if (!strcmp(type, "qcode")) return json_string_value(data);
    if (strcmp(type, "number") != 0 || !json_is_integer(data)) return NULL;
    snprintf(number, NUMBER, "0x%llx", (unsigned long long)json_integer_value(data));
    return number;
}

static json_t *press(struct mgmt_call *c, const char *const *names, unsigned n) {
    char why[160] = "";
    int64_t hold = mgmt_arg_int(c, "hold-time", HOLD_MS);
    unsigned ms = hold < 1 || hold > UINT32_MAX ? UINT32_MAX : (unsigned)hold;
    return mgmt_asked(c, mon_ask_chord(c->machine, names, n, ms, why, sizeof why), why) ? mgmt_nothing() : NULL;
}

static json_t *send_key(struct mgmt_call *c) {
    const json_t *keys = json_object_get(c->args, "keys");
    const char *names[MON_KEYS];
    char number[MON_KEYS][NUMBER];
    size_t n = json_array_size(keys);
    if (!n || n > MON_KEYS) return mgmt_fail(c, "Parameter 'keys' must be a list of 1 to %d keys", MON_KEYS);
    for (size_t i = 0; i < n; i++) {
        names[i] = key_name(json_array_get(keys, i), number[i]);
        if (!names[i]) return mgmt_fail(c, "Parameter 'keys' must hold objects with type qcode or number and data");
    }
    return press(c, names, (unsigned)n);
}

/* ctrl-alt-delete */
static json_t *sendkey(struct mgmt_call *c) {
    char text[256], *save, *word;
    const char *names[MON_KEYS + 1];
    unsigned n = 0;
    snprintf(text, sizeof text, "%s", mgmt_arg_text(c, "keys", ""));
    for (word = strtok_r(text, "-", &save); word && n <= MON_KEYS; word = strtok_r(NULL, "-", &save)) names[n++] = word;
    return press(c, names, n);
}

static const struct mgmt_arg screendump_args[] = {
    {.name = "filename", .type = MGMT_STRING, .help = "where to, as the machine's process sees it"},
    {.name = "format",
     .type = MGMT_WORD,
     .optional = true,
     .option = true,
     .choices = "png|ppm|txt",
     .help = "default: by the name, or ppm"},
    {.name = "device", .type = MGMT_VALUE, .optional = true, .help = "for QEMU's clients; there is one screen"},
    {.name = "head", .type = MGMT_VALUE, .optional = true, .help = "the same"},
    {0}};
static const struct mgmt_arg send_key_args[] = {
    {.name = "keys", .type = MGMT_VALUE, .help = "list of {type: qcode, data: name} or {type: number, data: code}"},
    {.name = "hold-time",
     .type = MGMT_INT,
     .optional = true,
     .help = "ms before the keys are released, 1 to 10000; default: 100"},
    {0}};
static const struct mgmt_arg sendkey_args[] = {
    {.name = "keys", .type = MGMT_STRING, .help = "names of keys, or 0x and numbers, as ctrl-alt-delete"},
    {.name = "hold-time",
     .type = MGMT_INT,
     .optional = true,
     .help = "ms before the keys are released, 1 to 10000; default: 100"},
    {0}};

const struct mgmt_command mgmt_user_commands[] = {
    {"screendump", "screendump", screendump_args, "write the screen to a file", NULL, screendump, NULL},
    {"x-novt-screen-text", "info screen", NULL, "the text on the screen in text modes", "{text}", screen_text,
     mgmt_print_text},
    {"send-key", NULL, send_key_args, "press keys together", NULL, send_key, NULL},
    {"x-novt-sendkey", "sendkey", sendkey_args, "press keys together", NULL, sendkey, NULL},
    {0},
};
