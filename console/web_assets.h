/* web_assets.h: the files of console/web/, embedded by console/web_embed.cmake; the list ends with one without url. */
#ifndef NOVT_CONSOLE_WEB_ASSETS_H
#define NOVT_CONSOLE_WEB_ASSETS_H
#include <stddef.h>
struct web_asset {
    const char *url, *type;
    const unsigned char *bytes;
    size_t len;
};
extern const struct web_asset web_assets[];
#endif
