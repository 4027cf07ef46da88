/* A request for audio on its way: its fields, the graph, the audio that comes in. Shared by the two ways in which the
 * audio comes: all at once (process.c) and while it arrives (intake.c). Private to them. */
#ifndef API_PROCESS_H
#define API_PROCESS_H

#include "api/audio/audio_in.h"
#include "api/audio/mastered.h"
#include "api/audio/responses.h"
#include "api/etag.h"
#include "api/subject.h"

enum body { BODY_FILE, BODY_RAW, BODY_NONE };

struct process {
    struct fields fields;
    struct subject subject;
    struct param_values params;
    struct track track;
    struct counts counts, counts_in;
    struct runner *runner;
    const void *audio;
    size_t audio_size;
    enum body body;
    uint64_t channels;
    bool says_channels;
    enum tier tier;
    int file; /* enum audio_file */
    double seconds, tail;
    struct snd_reader *snd; /* of a body that is decoded while it is read */
    struct mastered mastered;
    struct responses responses; /* of a multipart body */
    struct etag_stream *hash;   /* of audio that came in pieces; NULL: it is there */
};

/* Microseconds that a sample's way in and out takes. */
extern const double process_convert_us;

/* The steps in their order. Of a request whose audio comes later, with the fields in the query: what they say. */
enum status process_begin(struct exchange *ex, struct process *p) MUST_CHECK;
/* What the audio is: rate, channels, samples. */
enum status process_source(struct process *p, const struct audio_source *s) MUST_CHECK;
/* How long, and how wide: from track.source.frames to track.frames. */
enum status process_length(struct process *p) MUST_CHECK;
/* ETag. True: the client has the answer, and the 304 is written. */
bool process_is_known(struct process *p);
/* The graph's program, its parameters, and whether they go with the audio and the file. */
enum status process_program(struct exchange *ex, struct process *p) MUST_CHECK;
/* Type and headers of an answer whose body is there. */
void process_answer(struct exchange *ex, struct process *p);

#endif
