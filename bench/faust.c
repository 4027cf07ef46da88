/* See faust.h. */
#include "bench/faust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What surrounds the C that faust writes: noise in, time out. */
static const char harness[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n#include <xmmintrin.h>\n"
    "static inline int min(int a, int b) { return a < b ? a : b; }\n"
    "static inline int max(int a, int b) { return a > b ? a : b; }\n"
    "#include \"faust/gui/CInterface.h\"\n#include \"peer.h\"\n"
    "enum { MOST = 64, PASSES = 21, FRAMES = 96000 };\n"
    "static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);"
    " return (double)t.tv_sec + (double)t.tv_nsec * 1e-9; }\n"
    "static int order(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b;"
    " return x < y ? -1 : x > y; }\n"
    "int main(int argc, char **argv) {\n"
    "  int block = argc > 1 ? atoi(argv[1]) : 4096; float *in[MOST], *out[MOST]; double times[PASSES];\n"
    "  _mm_setcsr(_mm_getcsr() | 0x8040);\n"
    "  peer *dsp = newpeer(); initpeer(dsp, 48000);\n"
    "  int ins = getNumInputspeer(dsp), outs = getNumOutputspeer(dsp);\n"
    "  for (int c = 0; c < MOST; c++) { in[c] = malloc((size_t)block * 4); out[c] = calloc((size_t)block, 4);\n"
    "    for (int i = 0; i < block; i++) in[c][i] = (float)(rand() % 2000 - 1000) * 5e-4f; }\n"
    "  if (ins > MOST || outs > MOST) return 1;\n"
    "  for (int p = 0; p < PASSES; p++) { double start = now();\n"
    "    for (int n = 0; n < FRAMES; n += block) computepeer(dsp, block, in, out);\n"
    "    times[p] = (now() - start) / ((FRAMES + block - 1) / block * (double)block); }\n"
    "  qsort(times, PASSES, sizeof *times, order);\n"
    "  printf(\"%g\\n\", times[PASSES / 2] * 1e9); return 0; }\n";

static int put(const char *dir, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    size_t n = strlen(text), done = fwrite(text, 1, n, f);
    return fclose(f) || done != n ? -1 : 0;
}

static double run(const char *dir, const char *flags, int block)
{
    char command[600];
    double ns = -1;
    snprintf(command, sizeof command,
             "cd %s && faust -lang c %s -cn peer peer.dsp -o peer.h 2>/dev/null && cc -O3 -march=native -ffast-math -w "
             "peer.c -o peer -lm 2>/dev/null && ./peer %d",
             dir, flags, block);
    FILE *f = popen(command, "r");
    if (!f)
        return -1;
    if (fscanf(f, "%lf", &ns) != 1)
        ns = -1;
    return pclose(f) == 0 ? ns : -1;
}

double faust_ns(const char *program, int block)
{
    char dir[] = "/tmp/sinter-faust-XXXXXX", command[64];
    double best = -1;
    if (system("command -v faust >/dev/null && command -v cc >/dev/null") != 0 || !mkdtemp(dir))
        return -1;
    if (!put(dir, "peer.dsp", program) && !put(dir, "peer.c", harness)) {
        double scalar = run(dir, "", block), vector = run(dir, "-vec -vs 64", block);
        best = scalar > 0 && (vector < 0 || scalar < vector) ? scalar : vector;
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", dir);
    return best;
}
