/*
 * vga.h: VGA-compatible display adapter with Bochs VBE extensions on PCI.
 *
 * Sources: IBM VGA Technical Reference, "Video Graphics Array"; Ferraro,
 * "Programmer's Guide to the EGA, VGA, and Super VGA Cards"; the Bochs VBE
 * DISPI interface. 16 MiB of video memory, which BAR 0 shows in one piece.
 * Callers: board (life), display (drawing); drawing only reads, on the vCPU thread.
 */
#ifndef NOVT_DEVEMU_VGA_H
#define NOVT_DEVEMU_VGA_H

#include "devemu/pci.h"

enum { VGA_VRAM_BYTES = 16 << 20, VGA_ROM_MAX = 64 << 10, VGA_TEXT_BYTES = 64 << 10 };
/* Frames the device takes from the memory's ROM room. */
enum { VGA_FRAME_BYTES = VGA_VRAM_BYTES + VGA_TEXT_BYTES + VGA_ROM_MAX };

struct vga_config {
    struct dev *bus;
    uint8_t devfn;
    const void *rom; /* option ROM image; may be NULL */
    size_t rom_size;
};

extern const struct dev_class vga_class;

/* ---- The picture ---- */

/* Size of the picture now, in dots; never 0. */
void vga_size(struct dev *d, unsigned *width, unsigned *height);
/* Draws width*height pixels 00RRGGBB, as vga_size has just said. blink_on: blinking things and the cursor show. */
void vga_draw(struct dev *d, uint32_t *pixels, unsigned width, unsigned height, bool blink_on);

/* What a picture was drawn from. Zeroed: nothing yet. */
enum { VGA_SEEN_REGS = 1024 };
struct vga_seen {
    uint8_t *memory;
    size_t size;
    uint8_t regs[VGA_SEEN_REGS];
};
/* May vga_draw give another picture than when this was last true? */
bool vga_changed(struct dev *d, struct vga_seen *seen, bool blink_on);
void vga_seen_free(struct vga_seen *seen);

/* ---- Text ---- */

enum { VGA_TEXT_COLS = 256, VGA_TEXT_ROWS = 128 };

struct vga_text {
    unsigned cols, rows;
    int cursor_x, cursor_y;                        /* -1: not visible */
    bool blink;                                    /* attribute bit 7 blinks, else it is bright background */
    uint8_t cell[VGA_TEXT_ROWS][VGA_TEXT_COLS][2]; /* character, attribute */
};

/* What a text mode shows; false in graphics modes. */
bool vga_read_text(struct dev *d, struct vga_text *t);
#endif
