/* labels: http */
/* Keys and signed URLs over HTTP: URLs that this program and others signed, the commands that make keys, reloading,
 * and when a server refuses to listen. */
#include "tests/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/server_child.h"

enum { TEXT = 4096 };

static char dir[] = "/tmp/sinter-test-XXXXXX", keys[64], sign_keys[64], sinter[512];
static struct arena *arena;

/* What the command writes (stderr too when it says so); its exit code. */
static int shell(char text[TEXT], const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    FILE *f = popen(arena_vprintf(arena, format, ap), "r");
    va_end(ap);
    assert_non_null(f);
    size_t n = fread(text, 1, TEXT - 1, f);
    text[n] = 0;
    while (n && text[n - 1] == '\n')
        text[--n] = 0;
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct child start_closed(void)
{
    const char *const arguments[] = {"--keys", keys, "--sign-keys", sign_keys, "--cors-origins", "https://a.example",
                                     NULL};
    return child_start(arguments);
}

static struct http_answer ask(struct http_client *c, const char *method, const char *target, const char *headers)
{
    struct http_answer a;
    assert_int_equal(http_client_send(c, method, target, headers, NULL, 0), 0);
    if (strcmp(method, "HEAD"))
        assert_int_equal(http_client_receive(c, &a), 0);
    else
        assert_int_equal(http_client_receive_head(c, &a), 0);
    return a;
}

static void assert_answer(struct http_client *c, const char *target, int status, const char *said)
{
    struct http_answer a = ask(c, "GET", target, NULL);
    if (a.status != status || (said && !strstr(a.body, said)))
        fail_msg("%s: %d, %.*s", target, a.status, status == a.status || a.status != 200 ? (int)a.body_size : 0,
                 a.body);
}

static char *sign(const char *target, const char *kid, const char *expires)
{
    char text[TEXT];
    if (shell(text, "%s sign '%s' --key %s --expires %s --sign-keys %s 2>&1", sinter, target, kid, expires, sign_keys))
        fail_msg("%s", text);
    return arena_strdup(arena, text);
}

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

#define PICTURE "/render?expr=x%2By&width=8&height=8&format=f32"

static void a_signed_url_opens_its_picture_however_it_is_spelled(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    char *url = sign(PICTURE, "web", "1h");
    const char *query = strchr(url, '?') + 1;
    assert_answer(c, PICTURE, 401, "key");
    assert_answer(c, url, 200, NULL);
    struct http_answer a = ask(c, "HEAD", url, NULL);
    assert_int_equal(a.status, 200);
    const char *last = strrchr(query, '&');
    assert_answer(c, arena_printf(arena, "/render?%s&%.*s", last + 1, (int)(last - query), query), 200, NULL);
    assert_answer(c, replaced(url, "x%2By", "%78%2b%79"), 200, NULL);
    assert_answer(c, arena_printf(arena, "/%%72ender?%s", query), 200, NULL);
    assert_answer(c, sign("/render?expr=x%20%2B+y&width=8", "web", "1h"), 200, NULL);
    assert_answer(c, sign("/render?expr=x*y&width=8", "web", "1h"), 200, NULL);
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static void a_url_that_was_changed_opens_nothing(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    char *url = sign(PICTURE, "web", "1h"), *sig = strstr(url, "&sig=");
    char *unsigned_url = arena_strndup(arena, url, (size_t)(sig - url));
    char flipped[TEXT];
    snprintf(flipped, sizeof flipped, "%s", url);
    flipped[strlen(flipped) - 5] ^= 1;
    const char *const wrong[] = {
        replaced(url, "width=8", "width=9"),
        replaced(url, "x%2By", "x-y"),
        replaced(url, "&format=f32", ""),
        replaced(url, "kid=web", "kid=old"),
        replaced(url, "kid=web", "kid=none"),
        replaced(url, "expires=1", "expires=2"),
        replaced(url, "expires=", "expires=0"),
        arena_printf(arena, "%s&samples=4", url),
        arena_printf(arena, "%s&width=8", url), /* the same again is another query */
        arena_printf(arena, "%s=", url),
        arena_printf(arena, "%.*s", (int)strlen(url) - 1, url),
        flipped,
        arena_printf(arena, "%s&sig=", unsigned_url),
        arena_printf(arena, "%s&sig", unsigned_url),
        PICTURE "&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        PICTURE "&kid=web&sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_answer(c, wrong[i], 403, "/errors/forbidden");
    assert_answer(c, unsigned_url, 401, "key");
    assert_answer(c, replaced(url, "/render", "/metrics"), 401, "key");
    assert_answer(c, url, 200, NULL);
    struct http_answer a = ask(c, "POST", url, "Content-Type: application/json\r\n");
    assert_int_equal(a.status, 401);
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static void a_url_ends_and_caches_are_told_when(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    char text[TEXT];
    const char *version = strstr(ask(c, "GET", "/version", NULL).body, "\"semantics\":");
    int v = atoi(version + strlen("\"semantics\":"));
    assert_answer(c, sign(PICTURE, "web", "1000000000"), 403, "expired");
    assert_answer(c, sign(PICTURE, "retired", "1h"), 403, "expired"); /* the secret has ended */
    struct http_answer a = ask(c, "GET", sign(arena_printf(arena, "%s&v=%d", PICTURE, v), "web", "10m"), NULL);
    assert_int_equal(a.status, 200);
    const char *cache = http_client_header(c, &a, "Cache-Control");
    int age = 0;
    assert_int_equal(sscanf(cache, "public, max-age=%d", &age), 1);
    assert_true(age > 540 && age <= 600);
    assert_null(strstr(cache, "immutable"));
    assert_int_equal(
        shell(text, "%s sign '%s' --key web --expires tomorrow --sign-keys %s 2>&1", sinter, PICTURE, sign_keys), 2);
    assert_int_equal(shell(text, "%s sign /graphs --key web --expires 1h --sign-keys %s 2>&1", sinter, sign_keys), 1);
    assert_int_equal(
        shell(text, "%s sign '%s' --key none --expires 1h --sign-keys %s 2>&1", sinter, PICTURE, sign_keys), 1);
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

/* The block of docs/api.md in this language that has these words. */
static char *example(const char *language, const char *words)
{
    size_t n;
    char *text = test_read_file(arena, "docs/api.md", &n);
    const char *fence = arena_printf(arena, "\n```%s\n", language);
    for (char *at = strstr(text, fence); at; at = strstr(at + 1, fence)) {
        char *from = at + strlen(fence), *end = strstr(from, "\n```");
        assert_non_null(end);
        char *block = arena_strndup(arena, from, (size_t)(end - from));
        if (strstr(block, words))
            return block;
    }
    fail_msg("no example in %s with %s", language, words);
    return NULL;
}

static char *write_file(const char *name, const char *text)
{
    char *path = arena_printf(arena, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void others_sign_as_the_documents_say(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    char text[TEXT], secret[TEXT];
    int ran = 0;
    if (!shell(text, "command -v openssl")) {
        char *script = write_file("sign.sh", example("sh", "openssl dgst"));
        assert_int_equal(shell(text, "cd %s && U= sh -eu %s", dir, script), 0);
        assert_answer(c, text, 200, NULL);
        assert_answer(c, replaced(text, "width=64", "width=65"), 403, NULL);
        ran++;
    }
    if (!shell(text, "command -v python3")) {
        assert_int_equal(shell(secret, "awk '$1 == \"web\" {print $2}' %s", sign_keys), 0);
        char *script = write_file(
            "sign.py",
            arena_printf(arena, "%s\nprint(sign('', 'web', '%s', 60, expr='0.5 + x*y/2 # & ~', width=8, height=8))\n",
                         example("python", "hmac"), secret));
        assert_int_equal(shell(text, "python3 %s", script), 0);
        assert_answer(c, text, 422, "bad-expression"); /* let in, and '#' is no operator */
        script = write_file("sign.py", arena_printf(arena, "%s\nprint(sign('', 'web', '%s', 60, expr='0.5 + x*y/2'))\n",
                                                    example("python", "hmac"), secret));
        assert_int_equal(shell(text, "python3 %s", script), 0);
        assert_answer(c, text, 200, NULL);
        ran++;
    }
    print_message("%d of 2 examples could be run\n", ran);
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static void secrets_are_changed_while_the_server_runs(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    char text[TEXT], kept[TEXT], fresh[TEXT];
    char *before = sign(PICTURE, "old", "1h");
    assert_answer(c, before, 200, NULL);
    assert_int_equal(shell(kept, "cat %s", sign_keys), 0);
    assert_int_equal(shell(text, "%s key new fresh --signs --sign-keys %s 2>&1 && sed -i '/^old /d' %s", sinter,
                           sign_keys, sign_keys),
                     0);
    char *after = sign(PICTURE, "fresh", "1h"), *web = sign(PICTURE, "web", "1h");
    assert_answer(c, after, 403, NULL);
    assert_int_equal(shell(fresh, "%s key new ops --roles admin --keys %s 2>/dev/null", sinter, keys), 0);
    const char *authorization = arena_printf(arena, "Authorization: Bearer %s\r\n", fresh);
    assert_int_equal(ask(c, "GET", "/metrics", authorization).status, 401);
    kill(s.pid, SIGHUP);
    double began = now_s();
    while (ask(c, "GET", "/metrics", authorization).status != 200) { /* over one connection, which stays */
        assert_true(now_s() - began < 5);
        pause_ms(2);
    }
    assert_answer(c, after, 200, NULL);
    assert_answer(c, web, 200, NULL);
    assert_answer(c, before, 403, NULL);
    write_file("keys", "not a key\n");
    kill(s.pid, SIGHUP);
    pause_ms(50);
    assert_int_equal(ask(c, "GET", "/metrics", authorization).status, 200);
    write_file("sinter.sign", arena_printf(arena, "%s\n", kept));
    write_file("keys", "");
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static void keys_that_are_added_at_once_are_all_there(void **state)
{
    (void)state;
    enum { MANY = 12 };
    char text[TEXT], word[64];
    char *path = arena_printf(arena, "%s/many", dir);
    write_file("many", "# no line end behind this");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(shell(text, "for i in $(seq %d); do %s key new k$i --roles jobs --keys %s 2>&1 & done; wait", MANY,
                           sinter, path),
                     0);
    assert_int_equal(shell(text, "%s key ls --keys %s 2>&1", sinter, path), 0);
    for (int i = 1; i <= MANY; i++) {
        snprintf(word, sizeof word, "k%d ", i);
        if (!strstr(text, word))
            fail_msg("no %s in\n%s", word, text);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(shell(text, "ls %s | grep -c '^many'", dir), 0);
    assert_string_equal(text, "1");
    assert_int_equal(shell(text, "%s key new k3 --roles jobs --keys %s 2>&1", sinter, path), 1);
    assert_non_null(strstr(text, "twice"));
    static const char *const usages[] = {"new",
                                         "new a",
                                         "new a --roles cook",
                                         "new a.b --roles jobs",
                                         "ls",
                                         "new a --signs --roles jobs",
                                         "new a --roles jobs --expires 2027-13-01",
                                         "new a --roles jobs --quota-seconds 0"};
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (shell(text, "%s key %s 2>&1", sinter, usages[i]) != 2)
            fail_msg("%s: %s", usages[i], text);
}

/* Starts and, when it listens, ends a server; what it wrote. */
static int start_and_end(char text[TEXT], const char *arguments)
{
    return shell(text, "timeout -s TERM 0.7 %s serve --store none --compilers 0 --threads 1 %s 2>&1", sinter,
                 arguments);
}

static void others_are_not_let_in_by_accident(void **state)
{
    (void)state;
    char text[TEXT];
    static const char *const open[] = {"--listen 0.0.0.0:0", "--listen [::]:0", "--listen 0.0.0.0:0 --allow-public 0"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_int_equal(start_and_end(text, open[i]), 1);
        assert_non_null(strstr(text, "--allow-public 1"));
        assert_non_null(strstr(text, "sinter key new"));
        assert_null(strstr(text, "listening on"));
    }
    const char *const fine[] = {"--listen 0.0.0.0:0 --allow-public 1",
                                arena_printf(arena, "--listen 0.0.0.0:0 --keys %s", keys),
                                arena_printf(arena, "--listen 0.0.0.0:0 --sign-keys %s", sign_keys),
                                "--listen localhost:0", "--listen 127.0.0.2:0"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        start_and_end(text, fine[i]);
        if (!strstr(text, "listening on"))
            fail_msg("%s: %s", fine[i], text);
    }
}

static void the_operators_port_is_public_only_when_told_so(void **state)
{
    (void)state;
    char text[TEXT];
    const char *const open[] = {"--listen 127.0.0.1:0 --ops-listen 0.0.0.0:0",
                                "--listen 127.0.0.1:0 --ops-listen [::]:0 --allow-public 1",
                                arena_printf(arena, "--listen 0.0.0.0:0 --ops-listen 0.0.0.0:0 --keys %s", keys)};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_int_equal(start_and_end(text, open[i]), 1);
        assert_non_null(strstr(text, "--ops-public 1"));
        assert_null(strstr(text, "listening on"));
    }
    static const char *const fine[] = {"--listen 127.0.0.1:0 --ops-listen 0.0.0.0:0 --ops-public 1",
                                       "--listen 127.0.0.1:0 --ops-listen 127.0.0.1:0"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        start_and_end(text, fine[i]);
        if (!strstr(text, "listening on"))
            fail_msg("%s: %s", fine[i], text);
    }
}

/* Starts, reads the files again after half a second, and ends. */
static void start_reload_and_end(char text[TEXT], const char *path, const char *more)
{
    char command[1024];
    snprintf(command, sizeof command,
             "%s serve --store none --compilers 0 --threads 1 --listen 127.0.0.1:0 --keys %s 2>&1 & p=$!; sleep 0.5; "
             "%s; kill -HUP $p; sleep 0.3; kill $p; wait $p",
             sinter, path, more);
    shell(text, "%s", command);
}

static void it_is_said_how_many_keys_there_are(void **state)
{
    (void)state;
    char text[TEXT];
    char *path = write_file("counted", "");
    assert_int_equal(chmod(path, 0600), 0);
    start_and_end(text, arena_printf(arena, "--listen 127.0.0.1:0 --keys %s --sign-keys %s", path, path));
    assert_non_null(strstr(text, "read: 0 keys and 0 secrets"));
    assert_non_null(strstr(text, arena_printf(arena, "there is no key in %s", path)));
    assert_non_null(strstr(text, arena_printf(arena, "there is no secret in %s", path)));
    shell(text, "%s key new first --roles jobs --keys %s", sinter, path);
    start_reload_and_end(text, path, arena_printf(arena, ": > %s", path));
    assert_non_null(strstr(text, "read: 1 keys and 0 secrets"));
    assert_non_null(strstr(text, "read again: 0 keys"));
    assert_non_null(strstr(text, arena_printf(arena, "there is no key in %s", path)));
    start_and_end(text, "--listen 127.0.0.1:0");
    assert_null(strstr(text, "\"keys\""));
}

static void a_replaced_key_of_streams_is_told(void **state)
{
    (void)state;
    static const char start[] = "timeout -s TERM 0.7 %s serve --store %s --compilers 0 --listen 127.0.0.1:0 2>&1";
    char text[TEXT];
    shell(text, start, sinter, dir);
    assert_null(strstr(text, "streams.key"));
    shell(text, "echo short > %s/streams.key", dir);
    shell(text, start, sinter, dir);
    assert_non_null(strstr(text, "streams.key was of another length"));
    shell(text, start, sinter, dir);
    assert_null(strstr(text, "streams.key"));
}

static void files_that_others_can_read_are_warned_of(void **state)
{
    (void)state;
    char text[TEXT];
    char *path = write_file("open", "");
    assert_int_equal(chmod(path, 0644), 0);
    start_and_end(text, arena_printf(arena, "--listen 127.0.0.1:0 --keys %s", path));
    assert_non_null(strstr(text, "chmod 600"));
    assert_int_equal(chmod(path, 0660), 0);
    start_and_end(text, arena_printf(arena, "--listen 127.0.0.1:0 --keys %s", path));
    assert_non_null(strstr(text, "chmod 600"));
    static const mode_t narrow[] = {0600, 0640}; /* the second: for the group of a service without a user of its own */
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(path, narrow[i]), 0);
        start_and_end(text, arena_printf(arena, "--listen 127.0.0.1:0 --keys %s", path));
        assert_null(strstr(text, "chmod 600"));
    }
    start_and_end(text, "--listen 127.0.0.1:0 --keys /nonexistent/keys");
    assert_non_null(strstr(text, "cannot read /nonexistent/keys"));
    assert_null(strstr(text, "listening on"));
}

static void pages_may_read_refusals_of_the_head_too(void **state)
{
    (void)state;
    struct child s = start_closed();
    struct http_client *c = child_connect(&s);
    struct http_answer a = ask(c, "OPTIONS", "/render",
                               "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
                               "Access-Control-Request-Headers: authorization,content-type\r\n");
    assert_int_equal(a.status, 204);
    assert_non_null(strstr(http_client_header(c, &a, "Access-Control-Allow-Methods"), "POST"));
    assert_int_equal(http_client_send(c, "POST", "/graphs",
                                      "Origin: https://a.example\r\nContent-Type: application/json\r\n"
                                      "Transfer-Encoding: gzip, chunked\r\n",
                                      NULL, 0),
                     0);
    assert_int_equal(http_client_receive(c, &a), 0);
    assert_int_equal(a.status, 501);
    assert_string_equal(http_client_header(c, &a, "Access-Control-Allow-Origin"), "https://a.example");
    http_client_close(c);
    assert_int_equal(child_stop(&s), 0);
}

static int set_up(void **state)
{
    (void)state;
    char text[TEXT];
    arena = arena_new(64 << 20);
    if (!arena || ARENA_GUARD(arena) || !mkdtemp(dir))
        return -1;
    snprintf(keys, sizeof keys, "%s/keys", dir);
    snprintf(sign_keys, sizeof sign_keys, "%s/sinter.sign", dir);
    snprintf(sinter, sizeof sinter, "%s/sinter", test_build_dir());
    write_file("keys", "");
    chmod(keys, 0600);
    int failed = shell(text, "%s key new web --signs --sign-keys %s 2>&1", sinter, sign_keys);
    failed |= shell(text, "%s key new old --signs --sign-keys %s 2>&1", sinter, sign_keys);
    failed |= shell(text, "%s key new retired --signs --expires 2021-05-01 --sign-keys %s 2>&1", sinter, sign_keys);
    return failed;
}

static int tear_down(void **state)
{
    (void)state;
    char text[TEXT];
    shell(text, "rm -r %s", dir);
    arena_free(arena);
    return 0;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_url_opens_its_picture_however_it_is_spelled),
        cmocka_unit_test(a_url_that_was_changed_opens_nothing),
        cmocka_unit_test(a_url_ends_and_caches_are_told_when),
        cmocka_unit_test(others_sign_as_the_documents_say),
        cmocka_unit_test(secrets_are_changed_while_the_server_runs),
        cmocka_unit_test(keys_that_are_added_at_once_are_all_there),
        cmocka_unit_test(others_are_not_let_in_by_accident),
        cmocka_unit_test(the_operators_port_is_public_only_when_told_so),
        cmocka_unit_test(it_is_said_how_many_keys_there_are),
        cmocka_unit_test(a_replaced_key_of_streams_is_told),
        cmocka_unit_test(files_that_others_can_read_are_warned_of),
        cmocka_unit_test(pages_may_read_refusals_of_the_head_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
