/* Streams of audio that clients have open: a graph whose state is kept from one request to the next, and the table of
 * all of them, by id. They live in memory and end when nobody uses them for a while. Thread-safe but for what belongs
 * to the turn: between audio_stream_begin and _commit or _abandon one thread has it to itself. */
#ifndef API_AUDIO_STREAM_H
#define API_AUDIO_STREAM_H

#include "api/access/client.h"
#include "api/audio/blocks.h"
#include "api/audio/responses.h"
#include "api/etag.h"

enum { STREAM_ID_SIZE = 33 };

struct audio_streams;

/* An answer that is kept until the next, for a client that did not get it. */
struct stream_answer {
    char digest[ETAG_HASH]; /* of the request; "": there is none */
    uint8_t *body;          /* malloc */
    size_t size;
    struct counts out, in;
};

struct audio_stream {
    char id[STREAM_ID_SIZE];
    char owner[CLIENT_ID_SIZE]; /* whose it is */
    /* as it was opened */
    struct program *program;
    char *canonical;                  /* the graph's text */
    struct kept_responses *responses; /* NULL: the graph does not convolve */
    uint32_t channels_in, channels_out;
    double rate, seed;
    enum nonfinite nonfinite;
    enum sample sample_in, sample_out;
    enum tier tier;
    /* the turn's */
    void *memory;         /* of `state` */
    struct arena *tables; /* its tables */
    struct block_state state;
    struct automation automation;
    /* under the table's lock */
    struct audio_streams *table; /* NULL until it is opened */
    struct audio_stream *next;
    unsigned refs;
    bool busy, closed;
    uint64_t seq, position;  /* of the next block and its first sample */
    uint64_t reached;        /* the first sample that no block in flight makes */
    struct automation inbox; /* changes that came since the last turn began */
    double *params;          /* as of the last sample made */
    size_t n_changes;        /* to come, beside the inbox's */
    struct stream_answer last, coming;
    size_t bytes;
    double used_ms;
};

/* A stream at sample 0 that nobody has opened yet. Takes the reference to the program, and the responses (NULL:
 * none); `state` is as measured, with their lengths. NULL: there is no memory, and both are given back. */
struct audio_stream *audio_stream_new(struct program *p, const char *canonical, const struct block_state *state,
                                      const double *params, struct kept_responses *responses);
void audio_stream_unref(struct audio_stream *s); /* takes NULL */

struct audio_streams *audio_streams_new(const struct api_config *config); /* NULL: no memory */
void audio_streams_free(struct audio_streams *t);                         /* no request is under way; takes NULL */
void audio_streams_stats(struct audio_streams *t, struct api_stats *ret);

/* Gives it an id and opens it; the table has a reference of its own then. BUSY when the server holds as many as it
 * may, QUOTA when its client does. */
enum status audio_streams_open(struct audio_streams *t, struct audio_stream *s, struct fault *fault) MUST_CHECK;
/* With a reference, or NULL. Being used puts off its end. */
struct audio_stream *audio_streams_find(struct audio_streams *t, const char *id, bool uses);
void audio_streams_close(struct audio_stream *s); /* a block in flight is still answered */

struct stream_view {
    uint64_t seq, position; /* of the next block and its first sample */
    uint64_t reached;       /* the first sample that no block in flight makes */
    size_t changes, bytes;
    bool busy;
    double expires_ms;
};
/* ret_params: the program's count. */
void audio_stream_view(struct audio_stream *s, struct stream_view *ret, double *ret_params);

enum turn {
    TURN_RUN,
    TURN_REPEAT,     /* it was the last block: its answer is copied */
    TURN_IN_FLIGHT,  /* another has the turn */
    TURN_OLD,        /* answered, and forgotten */
    TURN_OTHER,      /* the last one had another body */
    TURN_GAP,        /* one before it is missing */
    TURN_FULL,       /* no room for an answer: max-streams-bytes */
    TURN_FULL_SHARE, /* nor in this client's share of it */
    TURN_NO_MEMORY
};
struct turn_wanted {
    uint64_t seq, frames;
    const char *digest; /* of everything that the answer depends on */
    uint8_t *answer;    /* where a repeated one goes */
    size_t answer_size;
};
/* RUN: the caller has the turn, and s->coming waits for the answer. `ret_view` is from before, without its sizes. */
enum turn audio_stream_begin(struct audio_stream *s, const struct turn_wanted *wanted, struct stream_answer *ret_last,
                             struct stream_view *ret_view);
/* The state has moved by these frames. */
void audio_stream_commit(struct audio_stream *s, uint64_t frames);
void audio_stream_abandon(struct audio_stream *s);
/* A turn to look at the state, without a block; abandon ends it. RUN, IN_FLIGHT or NO_MEMORY. */
enum turn audio_stream_hold(struct audio_stream *s);

/* All rows or none. CONFLICT: one is before *ret_reached; LIMIT: with those that wait they are more than `most`;
 * NO_MEMORY. */
enum status audio_stream_change(struct audio_stream *s, const struct automation_rows *rows, uint32_t most,
                                uint64_t *ret_reached) MUST_CHECK;

#endif
