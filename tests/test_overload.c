/* labels: http slow
 * Four times as much as the server can do, of everything mixed: it goes on doing what it can, refuses the rest with the
 * time to come back, keeps its memory, and stays healthy to those who ask. Prints what it measures. OVERLOAD_SECONDS in
 * the environment: how long. */
#include "tests/support.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/press.h"
#include "tests/support/server_child.h"

enum { BODY_SAMPLES = 12000, MIB = 1 << 20, WORK_MIB = 256, BODIES_MIB = 64, BASE_MIB = 192 };

static float samples[BODY_SAMPLES];

#define JSON "Content-Type: application/json\r\n"
static const char render_small[] = "{\"expr\":\"perlin2(x*8,y*8)\",\"width\":256,\"height\":256}";
static const char render_large[] =
    "{\"graph\":{\"version\":1,\"nodes\":{\"f\":{\"op\":\"fbm\",\"x\":\"x*6\",\"y\":\"y*6\","
    "\"octaves\":5}},\"output\":\"f\"},\"width\":1024,\"height\":1024}";
static const char graph[] = "{\"version\":1,\"params\":{\"k\":{\"default\":4}},\"nodes\":{\"n\":{\"op\":\"perlin2\","
                            "\"x\":\"x*k\",\"y\":\"y*k\"}},\"output\":\"n*n\"}";

static struct press_kind kinds[] = {
    {.name = "tiny render", .share = 20, .line = "GET /render?expr=sin(x*40)*y&width=32&height=32&format=f32"},
    {.name = "small render",
     .share = 35,
     .line = "POST /render",
     .headers = JSON,
     .body = render_small,
     .body_size = sizeof render_small - 1},
    {.name = "large render",
     .share = 15,
     .line = "POST /render",
     .headers = JSON,
     .body = render_large,
     .body_size = sizeof render_large - 1},
    {.name = "audio",
     .share = 20,
     .line = "POST /process?rate=48000&format=f32le&channels=1&expr=lowpass(in,2000)*0.5%2Bhighpass(in,300)*0.3",
     .headers = "Content-Type: application/octet-stream\r\n",
     .body = samples,
     .body_size = sizeof samples},
    {.name = "graph",
     .share = 5,
     .line = "POST /graphs",
     .headers = JSON,
     .body = graph,
     .body_size = sizeof graph - 1},
    {.name = "version", .share = 5, .line = "GET /version"},
};
enum { KINDS = sizeof kinds / sizeof *kinds, AUDIO = 3 };

/* ---- the server as the system sees it ---- */

struct watched_server {
    struct child child;
    double most_mib;
};

static double resident_mib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "VmRSS:", 6))
            kib = strtod(line + 6, NULL);
    if (f)
        fclose(f);
    return kib / 1024;
}

static double processor_s(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *at = strrchr(text, ')');
    if (at)
        (void)sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void look(void *user)
{
    struct watched_server *s = user;
    s->most_mib = fmax(s->most_mib, resident_mib(s->child.pid));
}

static double own_processor_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

/* ---- a run ---- */

struct figures {
    struct press_result result;
    double a_second, work_a_second; /* answers; the same weighed by what each kind takes alone: useful processors */
    double server_s, generator_s;   /* of processors, a second */
};

static double cost_s[KINDS]; /* of a kind: seconds of a processor that the server takes for one when it is alone */

static struct figures run(struct watched_server *s, struct press_plan plan)
{
    static struct figures f;
    f = (struct figures){0};
    plan.port = s->child.port;
    plan.each_second = look;
    plan.user = s;
    double server = processor_s(s->child.pid), own = own_processor_s();
    press_run(&plan, kinds, KINDS, &f.result);
    f.server_s = (processor_s(s->child.pid) - server) / f.result.seconds;
    f.generator_s = (own_processor_s() - own) / f.result.seconds;
    for (size_t k = 0; k < KINDS; k++) {
        f.a_second += (double)f.result.done[k] / f.result.seconds;
        f.work_a_second += (double)f.result.done[k] * cost_s[k] / f.result.seconds;
    }
    return f;
}

static void print_run(const char *name, const struct figures *f)
{
    const struct press_result *r = &f->result;
    print_message(
        "%s: %.0f answers/s, work %.3f; processors: server %.2f, generator %.2f, which was late by %.1f ms (p99)\n",
        name, f->a_second, f->work_a_second, f->server_s, f->generator_s, r->late_p99_ms);
    for (size_t k = 0; k < KINDS; k++)
        print_message("  %-13s done %6zu  503 %6zu  p50 %8.1f ms  p99 %8.1f ms  most %8.1f ms\n", kinds[k].name,
                      r->done[k], r->busy[k], r->times[k].p50_ms, r->times[k].p99_ms, r->times[k].most_ms);
    if (r->refused.n)
        print_message("  refusals: %zu, p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", r->refused.n, r->refused.p50_ms,
                      r->refused.p99_ms, r->refused.most_ms);
    if (r->health.n)
        print_message("  health: %zu, p50 %.2f ms, p99 %.2f ms, most %.2f ms\n", r->health.n, r->health.p50_ms,
                      r->health.p99_ms, r->health.most_ms);
}

static void assert_sound(const struct press_result *r)
{
    if (r->other)
        fail_msg("%zu answers have other statuses, such as %d", r->other, r->other_status);
    assert_int_equal(r->hasty, 0);
    assert_int_equal(r->broken, 0);
    assert_int_equal(r->health_failed, 0);
}

/* ---- the test ---- */

/* The generator gets the last processor for itself and the server the others, so that what it takes to offer four times
 * as much is not taken from the server. With one processor both have that. */
static struct child start_apart(const char *const *more)
{
    cpu_set_t servers, own;
    CPU_ZERO(&own);
    assert_int_equal(sched_getaffinity(0, sizeof servers, &servers), 0);
    for (size_t cpu = CPU_SETSIZE; cpu-- > 0 && CPU_COUNT(&servers) > 1 && !CPU_COUNT(&own); cpu--)
        if (CPU_ISSET(cpu, &servers)) {
            CPU_CLR(cpu, &servers);
            CPU_SET(cpu, &own);
        }
    assert_int_equal(sched_setaffinity(0, sizeof servers, &servers), 0);
    struct child c = child_start(more);
    if (CPU_COUNT(&own))
        assert_int_equal(sched_setaffinity(0, sizeof own, &own), 0);
    return c;
}

static struct watched_server begin(void)
{
    static const char *const more[] = {"--trusted-proxies",
                                       "127.0.0.1",
                                       "--max-work-bytes",
                                       "256M",
                                       "--max-bodies",
                                       "64M",
                                       "--max-queue-seconds",
                                       "2",
                                       NULL};
    for (size_t i = 0; i < BODY_SAMPLES; i++)
        samples[i] = (float)sin((double)i * 0.05) * 0.5f;
    press_prepare(kinds, KINDS);
    return (struct watched_server){.child = start_apart(more)};
}

static void learn_costs(struct watched_server *s, double seconds)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct figures f = run(s, (struct press_plan){.seconds = seconds, .in_flight = 8, .only = k});
        assert_sound(&f.result);
        cost_s[k] = f.server_s / fmax(f.a_second, 1);
        print_message("  %-13s alone: %8.1f a second, server %.2f, generator %.2f of a processor: %.3f ms each\n",
                      kinds[k].name, f.a_second, f.server_s, f.generator_s, cost_s[k] * 1e3);
    }
}

static struct figures find_peak(struct watched_server *s, double seconds)
{
    struct figures best = {0};
    for (int in_flight = 8; in_flight <= 32; in_flight *= 2) {
        struct figures f = run(s, (struct press_plan){.seconds = seconds, .in_flight = in_flight, .only = PRESS_KINDS});
        assert_sound(&f.result);
        if (f.work_a_second > best.work_a_second)
            best = f;
    }
    return best;
}

static void four_times_too_much_is_done_as_far_as_it_goes(void **state)
{
    (void)state;
    const char *given = getenv("OVERLOAD_SECONDS");
    double seconds = given ? atof(given) : 60, some = fmin(fmax(seconds / 20, 1), 3);
    struct watched_server s = begin();
    learn_costs(&s, some / 2);
    struct figures peak = find_peak(&s, some);
    print_run("peak, by the same generator", &peak);
    double rate = 4 * peak.a_second;
    struct figures f =
        run(&s, (struct press_plan){.seconds = seconds, .rate = rate, .only = PRESS_KINDS, .health_rate = 50});
    struct figures after = find_peak(&s, some);
    print_run("peak, afterwards", &after);
    print_message("offered: %.0f requests/s for %.0f s, %zu sent, %zu not for want of connections\n", rate,
                  f.result.seconds, f.result.sent, f.result.unsent);
    print_run("overload", &f);
    double by_processor =
        f.work_a_second / f.server_s * (peak.server_s / peak.work_a_second + after.server_s / after.work_a_second) / 2;
    double before = (peak.work_a_second + after.work_a_second) / 2;
    print_message("throughput: %.1f %% of the peak by work, %.1f %% by answers; by processor %.1f %%; memory: %.0f MiB "
                  "at the most\n",
                  100 * f.work_a_second / before, 200 * f.a_second / (peak.a_second + after.a_second),
                  100 * by_processor, s.most_mib);
    test_figure("overload.throughput-of-peak", 100 * fmax(f.work_a_second / before, by_processor), "%", ">=90");
    test_figure("overload.memory", s.most_mib, "MiB", "-");
    test_figure("overload.health-p99", f.result.health.p99_ms, "ms", "<=50");
    for (size_t k = 0; k < KINDS; k++)
        test_figure("overload.interactive-p99", f.result.times[k].p99_ms, "ms", "<=6000");
    assert_sound(&f.result);
    assert_true(f.result.refused.n > 0);
    /* Where other programs compete for the processors, what a second of them did is the better measure. */
    assert_true(fmax(f.work_a_second / before, by_processor) >= 0.9);
    assert_true(s.most_mib <= WORK_MIB + BODIES_MIB + BASE_MIB);
    assert_true(f.result.health.p99_ms <= 50 + f.result.late_p99_ms);
    for (size_t k = 0; k < KINDS; k++)
        assert_true(f.result.times[k].p99_ms <= 6000); /* thrice max-queue-seconds, and what it takes itself */
    assert_int_equal(child_stop(&s.child), 0);
    press_done(kinds, KINDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(four_times_too_much_is_done_as_far_as_it_goes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
