/* See image.h. An image becomes code through a sealed memfd mapped read-execute: no page is ever writable and
 * executable, not even one after the other. Judges the image's form only, not what its code does. */
#include "jit/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NOEXEC_SEAL = 8 }; /* MFD_NOEXEC_SEAL of Linux 6.3: never a program, whatever sysctl vm.memfd_noexec says */

static enum status fail(struct fault *fault, const char *what)
{
    return fault_add(fault, STATUS_INTERNAL, "", 0, "a kernel's image cannot be mapped: %s: %s", what, strerror(errno));
}

static bool write_all(int fd, const uint8_t *data, size_t n)
{
    while (n > 0) {
        ssize_t got = write(fd, data, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        data += got;
        n -= (size_t)got;
    }
    return true;
}

static enum status fill_and_map(int fd, const struct image *image, void **ret_base, struct fault *fault)
{
    if (!write_all(fd, image->bytes, image->size))
        return fail(fault, "write");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return fail(fault, "seal");
    void *base = mmap(NULL, image->size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (base == MAP_FAILED)
        return fail(fault, "mmap");
    *ret_base = base;
    return STATUS_OK;
}

enum status image_map(const struct image *image, struct mapped *ret_mapped, struct fault *fault)
{
    if (image->size == 0 || image->size > IMAGE_MAX || image->entry >= image->size)
        return fault_add(fault, STATUS_INTERNAL, "", 0, "a kernel's image is malformed: %zu bytes, entry at %u",
                         image->size, image->entry);
    int fd = memfd_create("sinter-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("sinter-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return fail(fault, "memfd_create");
    void *base = NULL;
    enum status s = fill_and_map(fd, image, &base, fault);
    close(fd);
    if (s != STATUS_OK)
        return s;
    void *entry = (char *)base + image->entry;
    *ret_mapped = (struct mapped){.base = base, .size = image->size};
    memcpy(&ret_mapped->entry, &entry, sizeof entry);
    return STATUS_OK;
}

void image_unmap(struct mapped *m)
{
    if (m->base)
        munmap(m->base, m->size);
    *m = (struct mapped){0};
}
