/*
 * hostsvc.h: struct dev_host as monitor implements it. Caller: machine.
 */
#ifndef NOVT_MONITOR_HOSTSVC_H
#define NOVT_MONITOR_HOSTSVC_H

struct machine;

/* Fills m->host and m->chr_host. */
void hostsvc_init(struct machine *m);
#endif
