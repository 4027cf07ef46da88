/* The routes of streams: audio in blocks, the state kept between them. Here they are opened, looked at, changed,
 * closed; stream_block.c has the blocks. */
#ifndef API_STREAMS_H
#define API_STREAMS_H

#include "api/streams/audio_stream.h"

/* The stream of the path, until the request ends: NOT_FOUND when it is another client's. */
enum status streams_find(struct exchange *ex, bool uses, struct audio_stream **ret) MUST_CHECK;
enum status streams_in_flight(struct exchange *ex); /* CONFLICT: a block is being made */
const char *streams_format(enum sample sample);     /* its name in requests */

#endif
