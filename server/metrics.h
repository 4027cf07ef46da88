/* What the process has counted, as Prometheus text. One set a process; every function is thread-safe and takes no lock
 * on the way of a request (a label value seen for the first time takes one). */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdint.h>

#include "api/api.h"
#include "core/arena.h"
#include "jit/engine.h"

enum metric {
#define COUNTED(kind, id, name, help) METRIC_##id,
#include "server/metrics.def"
    METRIC_COUNT
};

enum metric_label {
#define LABELLED(kind, id, name, label, help) METRIC_LABEL_##id,
#include "server/metrics.def"
    METRIC_LABEL_COUNT
};

enum metric_histogram {
#define HISTOGRAM(id, name, label, help) METRIC_HISTOGRAM_##id,
#include "server/metrics.def"
    METRIC_HISTOGRAM_COUNT
};

void metrics_add(enum metric m, int64_t by);
int64_t metrics_value(enum metric m);
void metrics_label(enum metric_label m, const char *value); /* adds one; the value is copied */
void metrics_observe(enum metric_histogram m, const char *value, double seconds);
void metrics_request(const char *route, int http_status); /* sinter_requests_total{route,status} */

/* Everything, with the numbers of `engine` and `api` when they are not NULL. */
char *metrics_text(struct arena *a, struct engine *engine, struct api *api);

#endif
