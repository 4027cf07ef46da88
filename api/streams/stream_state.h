/* A stream's state as bytes, to go on with elsewhere: bit for bit, with either engine, in any server that has the same
 * key and gives graphs the same meaning. Sealed, since a kernel trusts its state. */
#ifndef API_STREAM_STATE_H
#define API_STREAM_STATE_H

#include "api/streams/audio_stream.h"

/* Raised when the bytes are laid out otherwise, or the plan lays out a kernel's state otherwise. */
#define STREAM_STATE_VERSION 2

/* Of a stream whose turn is the caller's. `ret` is malloc's. */
enum status stream_state_write(struct exchange *ex, const struct audio_stream *s, uint8_t **ret,
                               size_t *ret_n) MUST_CHECK;

/* A stream that goes on where that one was, not yet opened. BAD_STATE says why not. */
enum status stream_state_read(struct exchange *ex, const void *data, size_t n, struct audio_stream **ret) MUST_CHECK;

#endif
