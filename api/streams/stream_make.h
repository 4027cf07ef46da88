/* A stream at sample 0, made for a request that opens one: its state measured, its impulse responses decoded and kept.
 */
#ifndef API_STREAM_MAKE_H
#define API_STREAM_MAKE_H

#include "api/audio/responses.h"
#include "api/streams/audio_stream.h"

struct stream_wish {
    struct program *program; /* the stream takes a reference of its own */
    const char *canonical;   /* the graph's text */
    struct subject *subject; /* where in the request it stands; NULL: nowhere */
    const struct responses *responses;
    const double *params; /* by the program's order */
    double rate, seed;
};

/* LIMIT, NO_MEMORY, and what responses_decode refuses. Nobody has opened the stream yet. */
enum status stream_make(struct exchange *ex, const struct stream_wish *wish, struct audio_stream **ret) MUST_CHECK;

#endif
