/* Streams of audio without a socket, for tests: open, feed in pieces, change, take elsewhere. */
#ifndef TESTS_SUPPORT_STREAMING_H
#define TESTS_SUPPORT_STREAMING_H

#include "tests/support/ask.h"

/* Feedback, filters, noise, a parameter that moves: all that a state is for. One input channel; two outputs. */
#define ECHO_GRAPH                                                                                                     \
    "{\"params\":{\"mix\":{\"default\":0.5,\"min\":0,\"max\":1},"                                                      \
    "\"cutoff\":{\"default\":900,\"min\":20,\"max\":9000}},"                                                           \
    "\"nodes\":{\"echo\":{\"op\":\"delay\",\"in\":\"in+0.6*low\",\"time\":0.0031},"                                    \
    "\"low\":{\"op\":\"lowpass\",\"in\":\"echo\",\"freq\":\"cutoff\",\"q\":2},"                                        \
    "\"hiss\":{\"op\":\"white\"},\"pink\":{\"op\":\"pink\"}},"                                                         \
    "\"output\":[\"in*(1-mix)+mix*low+0.01*hiss\",\"echo+0.01*pink+0.1*sine(300)+t*0.001\"]}"

struct fed {
    struct api *api;
    const char *path; /* "/streams/ID" */
    uint64_t seq;
    size_t frame_in, frame_out; /* bytes */
};

/* Opens one with the members of a JSON object; its frames are those of f32le. */
struct fed stream_open(struct api *of, const char *members);
struct api_response stream_send(const struct fed *s, uint64_t seq, const void *data, size_t n);
struct api_response stream_silence(const struct fed *s, uint64_t seq, uint64_t frames);
struct api_response stream_patch(const struct fed *s, const char *json);
struct api_response stream_get(const struct fed *s, const char *tail);
struct api_response stream_delete(const struct fed *s);
struct api_response stream_import(struct api *of, const void *state, size_t n);
double stream_number(const struct fed *s, const char *member); /* of GET */

/* Feeds frames from..to of `in` in blocks of `piece` frames (0: of random lengths) and writes the answers to `out`. */
void stream_feed(struct fed *s, const float *in, size_t from, size_t to, size_t piece, float *out);

#endif
