/* The body of an answer that is made while it is sent. One thread of the pool at a time works at it, in turns: it fills
 * a queue of a few megabytes and leaves; when the reader has taken half of it, the next turn is due. So a slow client
 * holds memory, but no thread. The server's side is in api.h. */
#ifndef API_STREAM_H
#define API_STREAM_H

#include "api/bytes/sink.h"
#include "api/exchange.h"

/* What makes it. `work` goes on until all is in the sink (*ret_done) or until `full` says so; `end` adds the trailers.
 */
struct stream_source {
    enum status (*work)(void *user, struct sink *s, bool (*full)(struct sink *s), bool *ret_done);
    void (*end)(void *user);
    void *user;
};

/* Makes the stream the answer's body, and has its first turn at once, on this thread: a failure in it is still an
 * ordinary one. To HEAD there is no first turn. */
enum status stream_begin(struct exchange *ex, const struct stream_source *source) MUST_CHECK;

/* For a source that waits for something else than its reader. Said in `work`: it has nothing now, and asks not to be
 * called until stream_nudge, from any thread; a nudge since `work` was called counts. It has looked at `full` and
 * exchange_alive as ever. */
void stream_idle(struct sink *s);
struct api_stream *stream_of(struct sink *s);
void stream_nudge(struct api_stream *s);
/* Whoever nudges may outlast the answer: a reference keeps the stream's memory, and nothing else of it. */
struct api_stream *stream_ref(struct api_stream *s);
void stream_unref(struct api_stream *s);

/* Waits until nobody works at it, and forgets it; takes NULL. */
void stream_free(struct api_stream *s);

#endif
