/* See faust.h. */
#include "bench/faust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Noise in, time out; the macros DSP_* say what is measured. */
static const char harness[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n#include <xmmintrin.h>\n"
    "#include \"engine.h\"\n"
    "enum { MOST = 64, PASSES = 21, FRAMES = 96000 };\n"
    "static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);"
    " return (double)t.tv_sec + (double)t.tv_nsec * 1e-9; }\n"
    "static int order(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b;"
    " return x < y ? -1 : x > y; }\n"
    "int main(int argc, char **argv) {\n"
    "  int block = atoi(argv[1]); float *in[MOST], *out[MOST]; double times[PASSES];\n"
    "  _mm_setcsr(_mm_getcsr() | 0x8040);\n"
    "  DSP_OPEN;\n"
    "  int ins = DSP(getNumInputs)(dsp), outs = DSP(getNumOutputs)(dsp);\n"
    "  for (int c = 0; c < MOST; c++) { in[c] = malloc((size_t)block * 4); out[c] = calloc((size_t)block, 4);\n"
    "    for (int i = 0; i < block; i++) in[c][i] = (float)(rand() % 2000 - 1000) * 5e-4f; }\n"
    "  if (ins > MOST || outs > MOST) return 1;\n"
    "  for (int p = 0; p < PASSES; p++) { double start = now();\n"
    "    for (int n = 0; n < FRAMES; n += block) DSP(compute)(dsp, block, in, out);\n"
    "    times[p] = (now() - start) / ((FRAMES + block - 1) / block * (double)block); }\n"
    "  qsort(times, PASSES, sizeof *times, order);\n"
    "  printf(\"%g\\n\", times[PASSES / 2] * 1e9); return 0; }\n";

/* The C that faust writes. */
static const char engine_c[] = "static inline int min(int a, int b) { return a < b ? a : b; }\n"
                               "static inline int max(int a, int b) { return a > b ? a : b; }\n"
                               "#include \"faust/gui/CInterface.h\"\n#include \"peer.h\"\n"
                               "#define DSP(f) f##peer\n"
                               "#define DSP_OPEN peer *dsp = newpeer(); initpeer(dsp, 48000)\n";

/* The machine code that libfaust makes by LLVM, for this CPU. */
static const char engine_llvm[] =
    "#include \"faust/dsp/llvm-dsp-c.h\"\n"
    "#define DSP(f) f##CDSPInstance\n"
    "#define DSP_OPEN char why[4096] = \"\"; llvm_dsp_factory *made ="
    " createCDSPFactoryFromFile(\"peer.dsp\", argc - 2, (const char **)argv + 2, \"\", why, -1);"
    " if (!made) return 1; llvm_dsp *dsp = createCDSPInstance(made); initCDSPInstance(dsp, 48000)\n";

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

static double run(const char *dir, const char *build, const char *flags, int block)
{
    char command[600];
    double ns = -1;
    snprintf(command, sizeof command, "cd %s && %s 2>/dev/null && ./peer %d %s", dir, build, block, flags);
    FILE *f = popen(command, "r");
    if (!f)
        return -1;
    if (fscanf(f, "%lf", &ns) != 1)
        ns = -1;
    return pclose(f) == 0 ? ns : -1;
}

static double better(double a, double b)
{
    return a > 0 && (b < 0 || a < b) ? a : b;
}

static double run_c(const char *dir, const char *flags, int block)
{
    char build[400];
    snprintf(build, sizeof build,
             "faust -lang c %s -cn peer peer.dsp -o peer.h && cc -O3 -march=native -ffast-math -w peer.c -o peer -lm",
             flags);
    return run(dir, build, "", block);
}

static double run_llvm(const char *dir, const char *flags, int block)
{
    return run(dir, "cc -O1 -w peer.c -o peer -lfaust -lm", flags, block);
}

double faust_ns(const char *program, int block)
{
    char dir[] = "/tmp/sinter-faust-XXXXXX", command[64];
    double best = -1;
    if (system("command -v faust >/dev/null && command -v cc >/dev/null") != 0 || !mkdtemp(dir))
        return -1;
    if (!put(dir, "peer.dsp", program) && !put(dir, "peer.c", harness) && !put(dir, "engine.h", engine_c))
        best = better(run_c(dir, "", block), run_c(dir, "-vec -vs 64", block));
    if (!put(dir, "engine.h", engine_llvm))
        best = better(best, better(run_llvm(dir, "", block), run_llvm(dir, "-vec -vs 64", block)));
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", dir);
    return best;
}
