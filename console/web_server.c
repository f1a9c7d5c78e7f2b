/* web_server.c: requests of browsers: who may ask, what is there, and the answers. */
#include "console/web.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "console/mgmt_internal.h"
#include "console/web_api.h"
#include "console/web_assets.h"
#include "console/web_relay.h"

enum { TOKEN = 32, BODY_MAX = 4096, CONNECTIONS = 32, IDLE_SECONDS = 10, REQUEST_MEMORY = 16 << 10 };

struct web {
    struct mgmt *g;
    struct MHD_Daemon *daemon;
    char token[TOKEN + 1], cookie[24], host[2][32]; /* names by which we may be addressed */
    struct web_relays relays;
    int sweep_ms;
};
struct request {
    char body[BODY_MAX];
    size_t len;
    bool long_body;
};
typedef struct MHD_Connection connection;

/* ---- Answers ---- */

static enum MHD_Result send_bytes(const struct web *w, connection *c, unsigned status, const char *type,
                                  const void *bytes, size_t n) {
    char cookie[128], policy[256];
    struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
    if (!r) return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    /* Not every browser's 'self' has WebSockets. */
    snprintf(policy, sizeof policy, "default-src 'self'; connect-src 'self' ws://%s ws://%s; frame-ancestors 'none'",
             w->host[0], w->host[1]);
    MHD_add_response_header(r, "Content-Security-Policy", policy);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    snprintf(cookie, sizeof cookie, "%s=%s; HttpOnly; SameSite=Strict; Path=/", w->cookie, w->token);
    if (status == MHD_HTTP_OK) MHD_add_response_header(r, "Set-Cookie", cookie);
    enum MHD_Result sent = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result refuse(const struct web *w, connection *c, unsigned status, const char *why) {
    return send_bytes(w, c, status, "text/plain", why, strlen(why));
}

/* ---- Who may ask ---- */

static bool same_token(const struct web *w, const char *given) {
    unsigned differs = 0;
    if (!given || strlen(given) != TOKEN) return false;
    for (unsigned i = 0; i < TOKEN; i++) differs |= (unsigned)(given[i] ^ w->token[i]);
    return !differs;
}

static bool has_token(const struct web *w, connection *c) {
    return same_token(w, MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token")) ||
           same_token(w, MHD_lookup_connection_value(c, MHD_COOKIE_KIND, w->cookie));
}

static bool our_name(const struct web *w, const char *host) {
    return host && (!strcmp(host, w->host[0]) || !strcmp(host, w->host[1]));
}

/* A page of another origin cannot hide where it comes from, nor send JSON without asking first. */
static bool our_page(const struct web *w, connection *c) {
    const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
    const char *site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
    return (!origin || (!strncmp(origin, "http://", 7) && our_name(w, origin + 7))) &&
           (!site || !strcmp(site, "same-origin"));
}

static bool is_json(connection *c) {
    const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
    return type && !strcmp(type, "application/json");
}

/* ---- What is there ---- */

/* An answer that was made as text, which is freed. */
static enum MHD_Result send_made(const struct web *w, connection *c, const char *type, struct mgmt_text *made) {
    enum MHD_Result sent = made->len && !made->failed
                               ? send_bytes(w, c, MHD_HTTP_OK, type, made->at, made->len)
                               : refuse(w, c, MHD_HTTP_SERVICE_UNAVAILABLE, "the machine does not answer\n");
    mgmt_text_free(made);
    return sent;
}

static enum MHD_Result api(const struct web *w, connection *c, const struct request *r) {
    struct mgmt_text answer = {0};
    if (web_api(w->g, r->body, r->len, &answer)) return send_made(w, c, "application/json", &answer);
    return refuse(w, c, MHD_HTTP_BAD_REQUEST, "{\"execute\": NAME, \"arguments\": {}} or {\"line\": TEXT} is wanted\n");
}

static enum MHD_Result metrics(const struct web *w, connection *c) {
    struct mgmt_text answer = {0};
    web_metrics(w->g, &answer);
    return send_made(w, c, "text/plain; version=0.0.4", &answer);
}

/* Any page may ask for one and would then read it: no reason to answer but to ours. */
static enum MHD_Result web_socket(struct web *w, connection *c, const char *url) {
    unsigned status;
    const char *why;
    if (!MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin") || !our_page(w, c))
        return refuse(w, c, MHD_HTTP_FORBIDDEN, "not from our page\n");
    struct MHD_Response *r = web_relay_answer(&w->relays, c, url, &status, &why);
    if (!r) return refuse(w, c, status, why);
    enum MHD_Result sent = MHD_queue_response(c, MHD_HTTP_SWITCHING_PROTOCOLS, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result asset(const struct web *w, connection *c, const char *url) {
    for (const struct web_asset *a = web_assets; a->url; a++)
        if (!strcmp(a->url, url)) return send_bytes(w, c, MHD_HTTP_OK, a->type, a->bytes, a->len);
    return refuse(w, c, MHD_HTTP_NOT_FOUND, "not found\n");
}

static enum MHD_Result respond(struct web *w, connection *c, const char *url, const char *method,
                               const struct request *r) {
    bool post = !strcmp(method, "POST");
    if (!our_name(w, MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host")))
        return refuse(w, c, MHD_HTTP_FORBIDDEN, "not our name\n");
    if (!has_token(w, c)) return refuse(w, c, MHD_HTTP_FORBIDDEN, "the token is missing or wrong\n");
    if (!post && strcmp(method, "GET")) return refuse(w, c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or POST\n");
    if (post && !(our_page(w, c) && is_json(c))) return refuse(w, c, MHD_HTTP_FORBIDDEN, "not from our page\n");
    if (r->long_body) return refuse(w, c, MHD_HTTP_CONTENT_TOO_LARGE, "too long\n");
    if (post) return strcmp(url, "/api") ? refuse(w, c, MHD_HTTP_NOT_FOUND, "not found\n") : api(w, c, r);
    if (!strncmp(url, "/ws/", 4)) return web_socket(w, c, url);
    return strcmp(url, "/metrics") ? asset(w, c, url) : metrics(w, c);
}

static enum MHD_Result handle(void *opaque, connection *c, const char *url, const char *method, const char *version,
                              const char *data, size_t *n, void **state) {
    struct request *r = *state;
    (void)version;
    if (!r) return (*state = calloc(1, sizeof *r)) ? MHD_YES : MHD_NO;
    if (!*n) return respond(opaque, c, url, method, r);
    r->long_body |= *n > BODY_MAX - r->len;
    if (!r->long_body) memcpy(r->body + r->len, data, *n), r->len += *n;
    *n = 0;
    return MHD_YES;
}

static void done(void *opaque, connection *c, void **state, enum MHD_RequestTerminationCode why) {
    (void)opaque, (void)c, (void)why;
    free(*state);
    *state = NULL;
}

/* Names are compared as they come: nothing of ours needs escapes. */
static size_t keep_escapes(void *opaque, connection *c, char *text) {
    (void)opaque, (void)c;
    return strlen(text);
}

/* ---- Life ---- */

static bool make_token(struct web *w) {
    unsigned char random[TOKEN / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return false;
    for (unsigned i = 0; i < sizeof random; i++) snprintf(w->token + (size_t)2 * i, 3, "%02x", random[i]);
    return true;
}

struct web *web_open(struct mgmt *g, uint16_t port, char *errbuf, size_t errlen) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct web *w = calloc(1, sizeof *w);
    if (w && make_token(w))
        w->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_UPGRADE, port, NULL, NULL, handle, w, MHD_OPTION_SOCK_ADDR,
            (struct sockaddr *)&at, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
            (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY,
            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
    if (!w || !w->daemon) {
        snprintf(errbuf, errlen, "--web: cannot listen at 127.0.0.1:%u", port);
        free(w);
        return NULL;
    }
    w->g = g;
    web_relays_init(&w->relays, g);
    snprintf(w->cookie, sizeof w->cookie, "novt-%u", port);
    snprintf(w->host[0], sizeof w->host[0], "127.0.0.1:%u", port);
    snprintf(w->host[1], sizeof w->host[1], "localhost:%u", port);
    fprintf(stderr, "novt: http://127.0.0.1:%u/?token=%s\n", port, w->token);
    return w;
}

int web_fd(const struct web *w) { return MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd; }

void web_run(struct web *w) {
    w->sweep_ms = web_relays_sweep(&w->relays);
    MHD_run(w->daemon);
}

int web_wait_ms(const struct web *w) {
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(w->daemon, &ms) != MHD_YES) return w->sweep_ms;
    return ms < 1000 ? (int)ms : 1000;
}

void web_close(struct web *w) {
    if (!w) return;
    web_relays_close(&w->relays);
    MHD_stop_daemon(w->daemon);
    free(w);
}
