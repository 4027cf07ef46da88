/* labels: http */
/* deploy/sinter.service: what systemd thinks of it, and whether sinter's own sandbox holds behind its list of system
 * calls. Needs systemd-analyze, which knows what the names of groups stand for. */
#include "tests/support.h"

#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/host.h"
#include "jit/sandbox.h"
#include "server/http_client.h"

#define UNIT "deploy/sinter.service"
enum { CALLS = 512, EXPOSURE_MOST = 15 /* tenths */ };

static char program[512], compiler[512];

static bool systemd_is_there(void)
{
    return system("systemd-analyze --version >/dev/null 2>&1") == 0 &&
           system("systemd-analyze security --offline=true --no-pager " UNIT " >/dev/null 2>&1") == 0;
}

static void the_unit_is_rated_safe(void **state)
{
    char line[512];
    int whole = 0, tenths = 0;
    bool found = false;
    (void)state;
    if (!systemd_is_there())
        skip();
    FILE *f = popen("systemd-analyze security --offline=true --no-pager " UNIT " 2>/dev/null", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const char *at = strstr(line, "Overall exposure level");
        at = at ? strrchr(at, ':') : NULL;
        found = found || (at && sscanf(at, ": %d.%d", &whole, &tenths) == 2);
    }
    pclose(f);
    assert_true(found);
    print_message("systemd-analyze security: %d.%d\n", whole, tenths);
    assert_true(whole * 10 + tenths <= EXPOSURE_MOST);
}

/* What the unit's SystemCallFilter lines leave, read as systemd reads them. */

static void apply(const char *word, bool allow, bool calls[CALLS])
{
    char line[256], name[128];
    if (*word != '@') {
        int call = seccomp_syscall_resolve_name(word);
        if (call >= 0 && call < CALLS)
            calls[call] = allow;
        return;
    }
    snprintf(line, sizeof line, "systemd-analyze syscall-filter --no-pager %s 2>/dev/null", word);
    FILE *f = popen(line, "r");
    while (f && fgets(line, sizeof line, f))
        if (isspace((unsigned char)*line) && sscanf(line, " %127[@a-z0-9_-]", name) == 1)
            apply(name, allow, calls);
    if (f)
        pclose(f);
}

static void read_filter(bool calls[CALLS])
{
    char line[1024];
    FILE *f = fopen(UNIT, "r");
    apply("@default", true, calls);
    while (f && fgets(line, sizeof line, f)) {
        static const char name[] = "SystemCallFilter=";
        if (strncmp(line, name, sizeof name - 1) != 0)
            continue;
        char *at = line + sizeof name - 1;
        bool allow = *at != '~';
        for (char *word = strtok(at + !allow, " \n"); word; word = strtok(NULL, " \n"))
            apply(word, allow, calls);
    }
    if (f)
        fclose(f);
}

/* This program in the place of sinter: becomes it, behind the filter. */
static int become_service(char **argv)
{
    enum { SET_MDWE = 65 };
    static bool calls[CALLS];
    int n = 0;
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    read_filter(calls);
    for (int call = 0; call < CALLS; call++)
        n += calls[call] && seccomp_rule_add(c, SCMP_ACT_ALLOW, call, 0) == 0;
    prctl(SET_MDWE, 1, 0, 0, 0);
    if (n < 100 || seccomp_load(c) != 0)
        return 1;
    execv(getenv("SINTER_PROGRAM"), argv);
    return 1;
}

static bool renders_compiled(const struct host *h)
{
    static const char text[] = "{\"expr\":\"sin(x*5)*y\",\"width\":64,\"height\":64,\"tier\":\"jit\"}";
    struct http_answer a;
    struct http_client *c = http_client_open("127.0.0.1", h->port);
    assert_non_null(c);
    bool good = http_client_send(c, "POST", "/render", "Content-Type: application/json\r\n", text, strlen(text)) == 0 &&
                http_client_receive(c, &a) == 0 && a.status == 200;
    const char *engine = good ? http_client_header(c, &a, "Sinter-Engine") : NULL;
    good = engine && strstr(engine, "jit");
    http_client_close(c);
    return good;
}

static double parts(const struct host *h)
{
    static const char *const names[] = {"privileges", "memory", "calls", "files", "network", "signals"};
    double sum = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int p = 0; p < 2; p++) {
            char metric[100];
            snprintf(metric, sizeof metric, "sinter_sandbox{process=\"%s\",part=\"%s\"}", p ? "worker" : "server",
                     names[i]);
            double value = host_metric(h, metric);
            sum += value > 0 ? value : 0;
        }
    return sum;
}

static void behind_its_filter_kernels_are_compiled_in_a_whole_sandbox(void **state)
{
    struct host h;
    double held[2];
    (void)state;
    if (!systemd_is_there() || !sandbox_possible())
        skip();
    for (int service = 0; service < 2; service++) {
        assert_true(host_start(&h, service ? "/proc/self/exe" : program, NULL,
                               (const char *const[]){"--compiler", compiler, NULL}));
        assert_true(renders_compiled(&h));
        held[service] = parts(&h);
        assert_true(host_metric(&h, "sinter_degraded") == 0);
        assert_int_equal(host_stop(&h, false), 0);
    }
    assert_true(held[0] > 0);
    assert_true(held[0] == held[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unit_is_rated_safe),
        cmocka_unit_test(behind_its_filter_kernels_are_compiled_in_a_whole_sandbox),
    };
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return become_service(argv);
    snprintf(program, sizeof program, "%s/sinter", test_build_dir());
    snprintf(compiler, sizeof compiler, "%s/sinter-cc", test_build_dir());
    setenv("SINTER_PROGRAM", program, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
