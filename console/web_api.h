/*
 * web_api.h: what the web console's page may ask and order: commands of the table that only read, and the four buttons.
 *
 * Called on the console's thread. A command is answered as on the socket: there is no second way to any number.
 */
#ifndef NOVT_CONSOLE_WEB_API_H
#define NOVT_CONSOLE_WEB_API_H

#include <stddef.h>
#include "console/mgmt_text.h"

struct mgmt;
/* Runs {"execute": NAME, "arguments": {...}} or {"line": TEXT}, a line of the text console; with "text": true the
 * answer is what that prints. Adds {"return": ...} or {"error": TEXT}. False: the request is none of these. */
bool web_api(struct mgmt *g, const char *body, size_t len, struct mgmt_text *answer);
/* All counters in the text format of Prometheus. False: the machine does not answer. */
bool web_metrics(struct mgmt *g, struct mgmt_text *answer);
#endif
