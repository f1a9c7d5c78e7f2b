/*
 * screen.h: the picture and the text on the guest's screen, for those who want to keep or search them.
 *
 * Callers: machine (--dump-screen), script, display backends. libc may run.
 */
#ifndef NOVT_MONITOR_SCREEN_H
#define NOVT_MONITOR_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dev;

struct screen_image {
    uint32_t *pixels;
    unsigned width, height;
};

/* Draws into im, whose memory grows as needed (zeroed: none yet). False: out of memory. */
bool screen_draw(struct dev *vga, struct screen_image *im, bool blink_on);
void screen_image_free(struct screen_image *im);

/* The text of a text mode as UTF-8 lines without trailing spaces, but for those before the cursor with to_cursor (a
 * prompt ends in one); empty in graphics modes. The caller frees it; NULL: out of memory. */
char *screen_text(struct dev *vga, bool to_cursor);
/* UCS code of a character of code page 437, the PC's. */
uint16_t screen_cp437(uint8_t ch);

/* Writes FILE.png (picture) or FILE.txt (text). False: errbuf holds one line. */
bool screen_dump(struct dev *vga, const char *path, char *errbuf, size_t errlen);
#endif
