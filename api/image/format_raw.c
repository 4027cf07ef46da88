/* Image files whose samples stand as they are: raw floats, NumPy arrays, portable float maps. They have at most a head,
 * whose size is known before. */
#include <stdio.h>
#include <string.h>

#include "api/image/encoder.h"

enum status raw_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    (void)ret;
    (void)a;
    (void)fault;
    return STATUS_OK;
}

enum { HEAD_MOST = 256 };

/* NEP 1: magic, version 1.0, length, a dictionary padded with spaces so that the data starts at a multiple of 64. */
static void npy_head(struct encoder *e, struct sink *s)
{
    static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const struct image_form *f = &e->form;
    const char *type = f->bits == 8 ? "|u1" : f->bits == 16 ? "<u2" : "<f4";
    char head[HEAD_MOST], text[160], shape[80], first[32] = "", last[16] = "";
    if (f->frames > 1)
        snprintf(first, sizeof first, "%llu, ", (unsigned long long)f->frames);
    if (f->channels > 1)
        snprintf(last, sizeof last, ", %u", f->channels);
    snprintf(shape, sizeof shape, "(%s%u, %u%s)", first, f->height, f->width, last);
    size_t n =
        (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    size_t whole = (sizeof magic + 2 + n + 1 + 63) / 64 * 64;
    memset(head, ' ', whole);
    memcpy(head, magic, sizeof magic);
    head[8] = (char)((whole - 10) & 255);
    head[9] = (char)((whole - 10) >> 8);
    memcpy(head + 10, text, n);
    head[whole - 1] = '\n';
    sink_put(s, head, whole);
}

enum status npy_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    (void)a;
    (void)fault;
    ret->head = npy_head;
    return STATUS_OK;
}

static void pfm_head(struct encoder *e, struct sink *s)
{
    char head[HEAD_MOST];
    int n = snprintf(head, sizeof head, "P%c\n%u %u\n-1.0\n", e->form.channels == 3 ? 'F' : 'f', e->form.width,
                     e->form.height);
    sink_put(s, head, (size_t)n);
}

enum status pfm_open(struct encoder *ret, struct arena *a, struct fault *fault)
{
    (void)a;
    uint32_t n = ret->form.channels;
    if (n != 1 && n != 3)
        return fault_add(fault, STATUS_BAD_FIELD, "/format", 0, "a pfm has 1 or 3 channels; this graph has %u outputs",
                         n);
    ret->head = pfm_head;
    ret->bottom_up = true;
    return STATUS_OK;
}
