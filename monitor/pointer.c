#include "monitor/pointer.h"

#include "devemu/i8042.h"
#include "devemu/vga.h"

enum { NO_SCREEN_WIDTH = 640, NO_SCREEN_HEIGHT = 480 };

void pointer_init(struct pointer *p, struct dev *i8042, struct dev *vga) {
    *p = (struct pointer){.i8042 = i8042, .vga = vga};
}

void pointer_attach(struct pointer *p, const struct pointer_absolute *absolute) { p->absolute = *absolute; }

static bool absolute(const struct pointer *p) { return p->absolute.in_use && p->absolute.in_use(p->absolute.opaque); }

static void screen_size(const struct pointer *p, unsigned *width, unsigned *height) {
    *width = NO_SCREEN_WIDTH, *height = NO_SCREEN_HEIGHT;
    if (p->vga) vga_size(p->vga, width, height);
}

/* dx, dy: for a device that knows movements only. */
static void tell(struct pointer *p, int dx, int dy, int wheel) {
    if (absolute(p))
        p->absolute.event(p->absolute.opaque, p->x, p->y, wheel, p->buttons);
    else if (p->i8042)
        i8042_mouse(p->i8042, dx, dy, -wheel, p->buttons);
}

static unsigned at_most(unsigned v) { return v < POINTER_MAX ? v : POINTER_MAX; }

void pointer_move_abs(struct pointer *p, unsigned x, unsigned y) {
    unsigned w, h, old_x = p->x, old_y = p->y;
    bool known = p->known;
    p->x = at_most(x), p->y = at_most(y);
    p->known = true;
    screen_size(p, &w, &h);
    int dx = (int)pointer_dot(p->x, w) - (int)pointer_dot(old_x, w);
    int dy = (int)pointer_dot(p->y, h) - (int)pointer_dot(old_y, h);
    tell(p, known ? dx : 0, known ? dy : 0, 0);
}

static unsigned moved(unsigned at, int by, unsigned dots) {
    int64_t to = (int64_t)pointer_dot(at, dots) + by;
    return pointer_scale(to < 0 ? 0 : to >= dots ? dots - 1 : (unsigned)to, dots);
}

void pointer_move_rel(struct pointer *p, int dx, int dy) {
    unsigned w, h;
    screen_size(p, &w, &h);
    p->x = moved(p->x, dx, w);
    p->y = moved(p->y, dy, h);
    tell(p, dx, dy, 0);
}

void pointer_buttons(struct pointer *p, unsigned buttons) {
    if (p->buttons == buttons) return;
    p->buttons = buttons;
    tell(p, 0, 0, 0);
}

void pointer_wheel(struct pointer *p, int notches) {
    if (notches) tell(p, 0, 0, notches);
}

void pointer_leave(struct pointer *p) {
    pointer_buttons(p, 0);
    p->known = false;
}
