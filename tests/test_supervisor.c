/* labels: http */
/* What a server tells who supervises it (sd_notify(3)): that it is ready, that it lives, that it ends. */
#include "tests/support.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/server_child.h"

enum { WORD = 64, START_MS = 10000, QUIET_MS = 400 };

static char folder[FOLDER_PATH];
static int supervisor;

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    folder_make(folder);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/s", folder);
    supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    return supervisor < 0 || bind(supervisor, (struct sockaddr *)&at, sizeof at);
}

static int tear_down(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    close(supervisor);
    folder_remove(folder);
    return 0;
}

/* The next word, "" when none comes in time. */
static const char *hear(int most_ms)
{
    static char word[WORD];
    struct pollfd p = {.fd = supervisor, .events = POLLIN};
    ssize_t n = poll(&p, 1, most_ms) > 0 ? recv(supervisor, word, WORD - 1, 0) : 0;
    word[n > 0 ? n : 0] = 0;
    return word;
}

static void assert_ends(const struct child *c)
{
    assert_int_equal(child_stop(c), 0);
    const char *word;
    do
        word = hear(START_MS);
    while (!strcmp(word, "WATCHDOG=1"));
    assert_string_equal(word, "STOPPING=1");
    assert_string_equal(hear(0), "");
}

static void it_says_when_it_is_ready_and_when_it_ends(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    assert_string_equal(hear(START_MS), "READY=1");
    assert_string_equal(hear(QUIET_MS), "");
    assert_ends(&c);
}

static void it_gives_signs_of_life_to_who_asked(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "100000", 1);
    struct child c = child_start(NULL);
    assert_string_equal(hear(START_MS), "READY=1");
    for (int i = 0; i < 4; i++)
        assert_string_equal(hear(START_MS), "WATCHDOG=1");
    kill(c.pid, SIGHUP); /* keys are read again, and it goes on */
    for (int i = 0; i < 4; i++)
        assert_string_equal(hear(START_MS), "WATCHDOG=1");
    assert_ends(&c);
}

static void it_gives_none_that_another_process_owes(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "100000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    struct child c = child_start(NULL);
    assert_string_equal(hear(START_MS), "READY=1");
    assert_string_equal(hear(QUIET_MS), "");
    assert_ends(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_when_it_is_ready_and_when_it_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_gives_signs_of_life_to_who_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_gives_none_that_another_process_owes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
