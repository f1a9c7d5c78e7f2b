/*
 * uhci_schedule.c: queue heads and transfer descriptors.
 *
 * Source: UHCI Design Guide 1.1, ch. 3 "Data Structures" and 3.4 "Host Controller Queue Traversal". The schedule is the
 * guest's and may be anything: a frame fetches at most STEPS_MAX entries and moves at most FRAME_BYTES, and
 * a walk that comes round without having done anything ends the frame (the loop that bandwidth reclamation makes).
 */
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/uhci_internal.h"

enum { LINK_END = 1, LINK_QH = 2, LINK_DEPTH = 4 };
#define LINK_ADDRESS 0xFFFFFFF0u
enum { STEPS_MAX = 1024, FRAME_BYTES = 1280, PACKET_OVERHEAD = 13, PACKET_MAX = 1280 };

/* Transfer descriptor, control and status word. */
#define TD_LENGTH       0x000007FFu
#define TD_TIMEOUT      (1u << 18)
#define TD_NAK          (1u << 19)
#define TD_BABBLE       (1u << 20)
#define TD_STALLED      (1u << 22)
#define TD_ACTIVE       (1u << 23)
#define TD_IOC          (1u << 24)
#define TD_ERRORS       (3u << 27)
#define TD_ONE_ERROR    (1u << 27)
#define TD_SHORT_DETECT (1u << 29)

struct td {
    uint32_t address; /* of the descriptor itself */
    uint32_t link, status, token, buffer;
};

/* A frame's walk through the schedule. */
struct walk {
    uint32_t link;   /* what comes next */
    uint32_t qh;     /* the queue we are in; 0: none */
    uint32_t across; /* its horizontal link */
    unsigned steps, bytes;
    uint32_t mark;          /* loop detection: a queue head seen, */
    unsigned mark_at, span; /* when, and how long it counts */
    bool worked;            /* something was done since */
};

/* What becomes of a queue after one of its descriptors. */
enum outcome { ADVANCE, STAY, FAILED };

static bool fetch(struct uhci *s, uint32_t address, uint32_t *words, unsigned n) {
    uint8_t raw[16];
    if (!smmu_mem_read(s->pci.dev.host->mem, gpa(address), raw, 4 * n)) {
        uhci_fail(s, STS_HOST_ERROR);
        return false;
    }
    for (unsigned i = 0; i < n; i++) words[i] = get_le32(raw + 4 * i);
    return true;
}

static bool store(struct uhci *s, uint32_t address, uint32_t v) {
    uint8_t raw[4];
    put_le32(raw, v);
    if (smmu_mem_write(s->pci.dev.host->mem, gpa(address), raw, sizeof raw)) return true;
    uhci_fail(s, STS_HOST_ERROR);
    return false;
}

/* ---- One transaction ---- */

static struct usb_device *device_at(struct uhci *s, unsigned address) {
    for (int i = 0; i < UHCI_PORTS; i++) {
        bool awake = (s->port[i] & PORT_ENABLED) && !(s->port[i] & PORT_SUSPEND);
        if (s->device[i] && awake && s->device[i]->address == address) return s->device[i];
    }
    return NULL;
}

static bool known_pid(unsigned pid) { return pid == USB_PID_IN || pid == USB_PID_OUT || pid == USB_PID_SETUP; }

/* Bytes moved or a USB_* code. False: the buffer is not memory. */
static bool transact(struct uhci *s, const struct td *td, size_t len, int *result) {
    struct smmu_mem *mem = s->pci.dev.host->mem;
    enum usb_pid pid = (enum usb_pid)(td->token & 0xFF);
    struct usb_device *u = device_at(s, td->token >> 8 & 0x7F);
    uint8_t buf[PACKET_MAX];
    *result = USB_NO_ANSWER;
    if (!u) return true;
    if (pid != USB_PID_IN && !smmu_mem_read(mem, gpa(td->buffer), buf, len)) return false;
    *result = usb_transaction(u, pid, td->token >> 15 & 0xF, buf, len);
    return pid != USB_PID_IN || *result <= 0 || smmu_mem_write(mem, gpa(td->buffer), buf, (size_t)*result);
}

static enum outcome fail_td(struct uhci *s, struct td *td, uint32_t why) {
    td->status = (td->status & ~TD_ACTIVE) | why | TD_STALLED;
    s->sts |= STS_ERROR;
    return FAILED;
}

/* Nobody answered: three times, or for ever where the error count is 0. */
static enum outcome no_answer(struct uhci *s, struct td *td) {
    td->status |= TD_TIMEOUT;
    if (!(td->status & TD_ERRORS)) return STAY;
    td->status -= TD_ONE_ERROR;
    return td->status & TD_ERRORS ? STAY : fail_td(s, td, 0);
}

static enum outcome finish(struct uhci *s, struct td *td, size_t asked, size_t moved) {
    td->status &= ~(TD_ACTIVE | TD_LENGTH | TD_NAK | TD_TIMEOUT);
    td->status |= (uint32_t)(moved - 1) & TD_LENGTH;
    bool in = (td->token & 0xFF) == USB_PID_IN;
    if (in && moved < asked && (td->status & TD_SHORT_DETECT)) {
        s->sts |= STS_INT;
        s->was_short = true;
        return FAILED; /* the queue waits for software */
    }
    return ADVANCE;
}

static enum outcome apply(struct uhci *s, struct td *td, size_t asked, int result) {
    switch (result) {
    case USB_NAK: td->status |= TD_NAK; return STAY;
    case USB_STALL: return fail_td(s, td, 0);
    case USB_BABBLE: return fail_td(s, td, TD_BABBLE);
    case USB_NO_ANSWER: return no_answer(s, td);
    default: return finish(s, td, asked, (size_t)result);
    }
}

/* Executes an active descriptor and writes it back. False: the controller stopped. */
static bool execute(struct uhci *s, struct walk *w, struct td *td, enum outcome *out) {
    size_t len = ((td->token >> 21) + 1) & TD_LENGTH;
    int result;
    if (!known_pid(td->token & 0xFF) || len > PACKET_MAX) {
        uhci_fail(s, STS_PROCESS_ERROR);
        return false;
    }
    if (!transact(s, td, len, &result)) {
        uhci_fail(s, STS_HOST_ERROR);
        return false;
    }
    *out = apply(s, td, len, result);
    w->bytes += PACKET_OVERHEAD + (result > 0 ? (unsigned)result : 0);
    if (*out != STAY) {
        w->worked = true;
        s->quiet = 0;
    }
    if (!(td->status & TD_ACTIVE) && (td->status & TD_IOC)) {
        s->sts |= STS_INT;
        s->completed = true;
    }
    return store(s, td->address + 4, td->status);
}

/* ---- The walk ---- */

/* Have we come round without doing anything? The mark moves on at growing distances, so that it gets into any loop. */
static bool comes_round(struct walk *w, uint32_t qh) {
    if (qh == w->mark && !w->worked) return true;
    if (w->worked || w->steps - w->mark_at >= w->span) {
        w->span = w->worked ? 1 : 2 * w->span;
        w->mark = qh;
        w->mark_at = w->steps;
        w->worked = false;
    }
    return false;
}

static bool enter_queue(struct uhci *s, struct walk *w) {
    uint32_t qh[2];
    w->qh = w->link & LINK_ADDRESS;
    if (comes_round(w, w->qh) || !fetch(s, w->qh, qh, 2)) return false;
    w->across = qh[0];
    w->link = qh[1];
    /* An empty queue: on to the next one. */
    if (w->link & LINK_END) {
        w->link = w->across;
        w->qh = 0;
    }
    return true;
}

/* Where to go after a descriptor of a queue; its element link is kept up. */
static bool leave_td(struct uhci *s, struct walk *w, const struct td *td, enum outcome out) {
    if (!w->qh) {
        w->link = td->link;
        return true;
    }
    if (out == ADVANCE) {
        if (!store(s, w->qh + 4, td->link)) return false;
        if ((td->link & LINK_DEPTH) && !(td->link & LINK_END)) {
            w->link = td->link;
            return true;
        }
    }
    w->link = w->across;
    w->qh = 0;
    return true;
}

static bool visit_td(struct uhci *s, struct walk *w) {
    uint32_t raw[4];
    struct td td = {.address = w->link & LINK_ADDRESS};
    enum outcome out = STAY;
    if (!fetch(s, td.address, raw, 4)) return false;
    td.link = raw[0], td.status = raw[1], td.token = raw[2], td.buffer = raw[3];
    if ((td.status & TD_ACTIVE) && !execute(s, w, &td, &out)) return false;
    return leave_td(s, w, &td, out);
}

void uhci_run_frame(struct uhci *s) {
    struct walk w = {.span = 1};
    if (!fetch(s, s->list + 4 * (s->frame & 1023u), &w.link, 1)) return;
    while (!(w.link & LINK_END) && w.steps++ < STEPS_MAX && w.bytes < FRAME_BYTES) {
        bool go_on = w.link & LINK_QH ? enter_queue(s, &w) : visit_td(s, &w);
        if (!go_on) return;
    }
}
