/* See engine.h: what the engine is wary of: kernels that were running when the process before this one died, and
 * workers whose sandbox does not hold. */
#include "jit/engine_private.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

bool engine_holds(const struct engine *e, const uint8_t key[HASH_SIZE])
{
    return e->quarantine && quarantine_holds(e->quarantine, key, time(NULL));
}

/* Once, and again when it changes: a worker of another build, another kernel. */
void engine_note_sandbox(struct engine *e, unsigned held)
{
    char text[SANDBOX_TEXT];
    const unsigned known = 1u << 31;
    if (atomic_exchange(&e->worker_sandbox, held | known) == (held | known))
        return;
    if (e->config.sandbox == SANDBOX_OFF)
        engine_say(e, LOG_INFO, "compile workers run without a sandbox: it is switched off");
    else
        engine_say(e, (held & SANDBOX_NEEDED) == SANDBOX_NEEDED ? LOG_INFO : LOG_WARNING,
                   "the sandbox of compile workers limits: %s", sandbox_parts_text(held, text, sizeof text));
}

static void note_mark(const struct marked *m, void *user)
{
    struct engine *e = user;
    int64_t now = time(NULL);
    char hex[HASH_HEX];
    hash_hex(m->key, hex);
    quarantine_note(e->quarantine, m, now);
    if (m->signal)
        engine_say(
            e, LOG_ERR,
            "kernel %s ended the process with signal %d: its graph is interpreted until `sinter cache release %s`", hex,
            m->signal, hex);
    else if (quarantine_holds(e->quarantine, m->key, now))
        engine_say(e, LOG_WARNING,
                   "kernel %s ran each time the process was killed: its graph is interpreted for a while", hex);
    else
        engine_say(e, LOG_NOTICE, "kernel %s was running when the process was killed", hex);
}

void engine_open_quarantine(struct engine *e)
{
    e->quarantine = quarantine_open(e->config.store_dir);
    if (!e->quarantine || !e->config.marks)
        return;
    e->marker = marker_open(e->config.store_dir, note_mark, e);
    if (!e->marker) {
        engine_say(e, LOG_WARNING, "a kernel that crashes will not be told from others: %s/crash.marker: %s",
                   e->config.store_dir, errno == EWOULDBLOCK ? "another process has it" : strerror(errno));
        return;
    }
    quarantine_noted(e->quarantine, time(NULL));
    if (!quarantine_write(e->quarantine))
        engine_say(e, LOG_WARNING, "the quarantine of kernels cannot be kept: %s", strerror(errno));
}
