/* Events as JSON lines on stderr. Each event name has its own allowance (bursts of 20, then 5 a second); what exceeds
 * it is counted and the count stands in the next line that passes. Nobody waits for a reader of stderr that is slow.
 * Thread-safe. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG, LEVEL_COUNT };

struct log_field {
    const char *key;
    const char *text; /* NULL: the number */
    double number;
};

void log_set_level(enum log_level most);      /* INFO at first */
void log_set_rate(uint32_t lines_per_second); /* of log_fields; 1000 at first */

/* {"time":..,"level":..,"event":..,"detail":".."}; the event is a static string, the detail one sentence. */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* {"time":..,"level":..,"event":.., fields...}, for lines the operator asked for; all of them share one allowance. */
void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t n);

unsigned long log_suppressed(void); /* lines since start that were not written */

#endif
