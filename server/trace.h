/* W3C Trace Context: is a traceparent well-formed, and which trace is it of? */
#ifndef SERVER_TRACE_H
#define SERVER_TRACE_H

#include <stdbool.h>

enum { TRACE_ID_SIZE = 33, TRACE_PARENT_SIZE = 128 };

/* "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01". Of later versions, whatever follows is let be. False: as
 * if there were none; `ret_id` is "" then. */
bool trace_parse(const char *parent, char ret_id[TRACE_ID_SIZE]);

#endif
