/* A fuzzer without libFuzzer: runs the files that are named, and those in folders that are named; a folder that is not
 * there has none. What a fuzzer ever found stays a test this way, whatever compiler builds it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_file(const char *path, long size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1); /* exactly so much, so that reading past it shows */
    int good = f && data && fread(data, 1, (size_t)size, f) == (size_t)size;
    if (good && getenv("TEST_VERBOSE"))
        fprintf(stderr, "%s\n", path);
    if (good)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        fprintf(stderr, "cannot read %s\n", path);
    free(data);
    if (f)
        fclose(f);
    return good ? 1 : -1;
}

/* How many files there were; -1 when one could not be read. */
static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return 0;
    if (!S_ISDIR(st.st_mode))
        return replay_file(path, (long)st.st_size);
    DIR *dir = opendir(path);
    int n = 0;
    for (struct dirent *d; dir && n >= 0 && (d = readdir(dir));) {
        char inner[4096];
        if (d->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, d->d_name);
        int m = replay(inner);
        n = m < 0 ? m : n + m;
    }
    if (dir)
        closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        int m = replay(argv[i]);
        if (m < 0)
            return 1;
        n += m;
    }
    printf("%d inputs\n", n);
    return n ? 0 : 1;
}
