#include "console/keyvalue.h"

#include <stdio.h>
#include <string.h>
#include "console/options.h"
#include "console/parse.h"

enum { MIB = 1 << 20, MAX_KEYS = 64 };

/* The next item, with each double comma made one; *p is moved past it, to NULL after the last. */
static char *next_item(struct run_options *r, const char **p) {
    char *item = opt_copy(r, *p, strlen(*p)), *out = item;
    const char *s = *p;
    for (; *s && (*s != ',' || s[1] == ','); *out++ = *s++)
        if (*s == ',') s++;
    *out = 0;
    *p = *s ? s + 1 : NULL;
    return item;
}

static const struct kv_key *find(const struct kv_key *keys, const char *name, size_t len) {
    for (; keys->name; keys++)
        if (strlen(keys->name) == len && !memcmp(keys->name, name, len)) return keys;
    return NULL;
}

static const char *unknown_key(struct run_options *r, const struct kv_key *keys, const char *name) {
    char list[256] = "";
    size_t n = 0;
    for (const struct kv_key *k = keys; k->name && n < sizeof list; k++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", k->name);
    return opt_wrong(r, "has no key '%.*s'; there are: %s", (int)strcspn(name, "="), name, list);
}

/* ---- Values ---- */

static const char *take_switch(bool *out, const char *v) {
    *out = !v || !strcmp(v, "on");
    return *out || !strcmp(v, "off") ? NULL : "must be on or off";
}

static const char *take_number(uint32_t *out, const char *v, uint32_t limit) {
    uint64_t n;
    if (!parse_number(v, limit ? limit : UINT32_MAX, &n)) return "must be a number, and not too large";
    *out = (uint32_t)n;
    return NULL;
}

static const char *take_value(struct run_options *r, const struct kv_key *k, void *target, const char *v) {
    void *out = (char *)target + k->at;
    switch (k->type) {
    case KV_TEXT: return *(const char **)out = v, NULL;
    case KV_PATH: return *(const char **)out = opt_path(r, v), *v ? NULL : "must be a file";
    case KV_SWITCH: return take_switch(out, v);
    case KV_SIZE: return parse_size(v, MIB, out) ? NULL : "must be a size such as 64K or 256M";
    case KV_NUMBER: return take_number(out, v, k->limit);
    default: return k->call(r, target, v);
    }
}

static const char *take_item(struct run_options *r, const struct kv_key *k, void *target, const char *v) {
    bool may_stand_alone = k->type == KV_SWITCH || k->type == KV_WORD;
    if (!v && !may_stand_alone) return opt_wrong(r, "gives no value to %s", k->name);
    if (v && k->type == KV_WORD) return opt_wrong(r, "gives a value to %s, which takes none", k->name);
    const char *wrong = take_value(r, k, target, v);
    return wrong && wrong != opt_message(r) ? opt_wrong(r, "is wrong: %s %s", k->name, wrong) : wrong;
}

/* ---- The list ---- */

const char *kv_parse(struct run_options *r, const char *text, const struct kv_key *keys, void *target) {
    bool first = true, seen[MAX_KEYS] = {false};
    for (const char *p = text; p; first = false) {
        char *item = next_item(r, &p), *equals = strchr(item, '=');
        const struct kv_key *k = find(keys, item, equals ? (size_t)(equals - item) : strlen(item));
        const char *value = equals ? equals + 1 : NULL, *wrong;
        if (first && keys->implied && !(k && equals)) k = keys, value = item;
        if (!k) return unknown_key(r, keys, item);
        if (seen[k - keys] && !k->repeats) return opt_wrong(r, "gives %s twice", k->name);
        seen[k - keys] = true;
        if ((wrong = take_item(r, k, target, value))) return wrong;
    }
    return NULL;
}
