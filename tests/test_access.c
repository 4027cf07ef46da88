/* labels: api */
/* Who may ask for what: keys and their roles, clients by address. */
#include "tests/support/ask.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/access/access.h"
#include "api/access/keys.h"
#include "api/room.h"

enum { ROLES = 4 };
static const char *const role_words[ROLES] = {"render", "process", "jobs", "admin"};

static char key_path[64];
static char texts[ROLES][KEY_TEXT_SIZE]; /* one key for each role */
static char hashes[ROLES][KEY_HASH_TEXT_SIZE];

static void write_keys(const char *text)
{
    FILE *f = fopen(key_path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The four keys, and `more`. */
static void write_role_keys(const char *more)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "# keys of a test\n\n");
    for (int i = 0; i < ROLES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s-key\t%s  %s # one role\r\n", role_words[i], role_words[i],
                      hashes[i]);
    snprintf(text + n, sizeof text - (size_t)n, "%s", more);
    write_keys(text);
}

static struct api *closed_api(void)
{
    struct api_config config = api_config_default();
    config.keys = key_path;
    return small_api(config);
}

static char *bearer(const char *key)
{
    return arena_printf(arena, "Bearer %s", key);
}

static struct api_response ask_with(struct api *of, enum method method, const char *path, const char *key)
{
    struct ask a = {.method = method, .path = path};
    if (key)
        a.more[0] = (struct pair){"Authorization", bearer(key)};
    return ask_of(of, a);
}

static bool is_refused(const struct api_response *res)
{
    return res->http_status == 401 || res->http_status == 403;
}

static void every_route_opens_to_the_roles_of_its_row_and_to_no_other(void **state)
{
    (void)state;
    write_role_keys("");
    struct api *closed = closed_api();
    for (size_t i = 0; route_at(i); i++) {
        const struct route *route = route_at(i);
        struct api_response res = ask_with(closed, route->method, path_of_route(route), NULL);
        if (route->roles) {
            assert_string_equal(header_of(&res, "WWW-Authenticate"), "Bearer realm=\"sinter\"");
            assert_problem(res, STATUS_UNAUTHORIZED, "", "Authorization: Bearer");
        } else {
            assert_false(is_refused(&res));
            api_response_done(&res);
        }
        for (int r = 0; r < ROLES; r++) {
            res = ask_with(closed, route->method, path_of_route(route), texts[r]);
            if (route->roles && !(route->roles & 1u << r)) {
                assert_non_null(strstr(header_of(&res, "WWW-Authenticate"), "insufficient_scope"));
                assert_problem(res, STATUS_FORBIDDEN, "", role_words[r]);
                continue;
            }
            if (is_refused(&res))
                fail_msg("%s with role %s: %s", route->pattern, role_words[r], body_of(&res));
            api_response_done(&res);
        }
    }
    api_free(closed);
}

static void without_keys_nobody_is_asked_for_one(void **state)
{
    (void)state;
    for (size_t i = 0; route_at(i); i++) {
        struct api_response res = ask_with(api, route_at(i)->method, path_of_route(route_at(i)), "anything.else");
        assert_false(is_refused(&res));
        api_response_done(&res);
    }
}

static void what_is_not_exactly_a_key_is_401(void **state)
{
    (void)state;
    write_role_keys("");
    struct api *closed = closed_api();
    char other[KEY_TEXT_SIZE], unused[KEY_HASH_TEXT_SIZE], changed[KEY_TEXT_SIZE], longer[2 * KEY_TEXT_SIZE];
    keys_make("render-key", other, unused);
    snprintf(changed, sizeof changed, "%s", texts[0]);
    changed[strlen(changed) - 2] ^= 1;
    snprintf(longer, sizeof longer, "%sA", texts[0]);
    const char *const wrong[] = {
        bearer(other),
        bearer(changed),
        bearer(longer),
        bearer(""),
        bearer("render-key"),
        bearer("render-key."),
        bearer("."),
        bearer(arena_printf(arena, "process-key%s", strchr(texts[0], '.'))), /* another's secret */
        bearer(arena_printf(arena, "RENDER-KEY%s", strchr(texts[0], '.'))),
        bearer(arena_printf(arena, "%.*s", (int)strlen(texts[0]) - 1, texts[0])),
        bearer(strchr(hashes[0], ':') + 1), /* what the file holds opens nothing */
        arena_printf(arena, "Bearer%s", texts[0]),
        arena_printf(arena, "Basic %s", texts[0]),
        texts[0],
        "",
        bearer(memset(arena_alloc(arena, 100001), 'a', 100000)),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct ask a = {.method = METHOD_GET, .path = "/render", .query = "expr=x&width=1&height=1"};
        a.more[0] = (struct pair){"Authorization", wrong[i]};
        struct api_response res = ask_of(closed, a);
        assert_non_null(strstr(header_of(&res, "WWW-Authenticate"), "invalid_token"));
        assert_problem(res, STATUS_UNAUTHORIZED, "", NULL);
        a.more[0].value = arena_printf(arena, "bearer   %s", texts[0]); /* schemes have no case */
        res = ask_of(closed, a);
        assert_ok(&res);
        api_response_done(&res);
    }
    api_free(closed);
}

static void a_key_ends_with_its_day(void **state)
{
    (void)state;
    char past[KEY_TEXT_SIZE], future[KEY_TEXT_SIZE], past_hash[KEY_HASH_TEXT_SIZE], future_hash[KEY_HASH_TEXT_SIZE];
    keys_make("past", past, past_hash);
    keys_make("future", future, future_hash);
    write_role_keys(arena_printf(arena, "past render %s expires=2020-02-29\nfuture render %s expires=2222-01-01",
                                 past_hash, future_hash));
    struct api *closed = closed_api();
    assert_problem(ask_with(closed, METHOD_GET, "/render", past), STATUS_UNAUTHORIZED, "", "past ended on 2020-02-29");
    assert_problem(ask_with(closed, METHOD_GET, "/render", future), STATUS_BAD_FIELD, "", NULL);
    api_free(closed);
}

static void files_that_are_not_sound_are_refused_with_their_line(void **state)
{
    (void)state;
    const struct {
        const char *line, *said;
    } cases[] = {
        {"a render", "NAME ROLE"},
        {"a render blake2b:12", "64 hexadecimal"},
        {"a render 0000000000000000000000000000000000000000000000000000000000000000", "blake2b:"},
        {"a cook HASH", "\"cook\" is no role"},
        {"a render,,jobs HASH", "\"\" is no role"},
        {"a render, HASH", "\"\" is no role"},
        {"a.b render HASH", "a name is"},
        {"1234567890123456789012345678901234567890123456789 render HASH", "a name is"},
        {"a render HASH quota-seconds=-1", "quota-seconds"},
        {"a render HASH quota-seconds=nan", "quota-seconds"},
        {"a render HASH expires=2027-02-30", "expires"},
        {"a render HASH expires=27-2-3", "expires"},
        {"a render HASH expires=2027-02-03x", "expires"},
        {"a render HASH color=red", "color=red"},
        {"a render HASH 4 5 6 7 8 9", "more than 8 words"},
        {"render-key render HASH", "render-key stands there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault fault;
        struct keys *keys;
        const char *hash = strstr(cases[i].line, "HASH");
        fault_init(&fault, arena);
        write_role_keys(
            hash ? arena_printf(arena, "%.*s%s%s\n", (int)(hash - cases[i].line), cases[i].line, hashes[1], hash + 4)
                 : cases[i].line);
        assert_int_not_equal(keys_read(key_path, &keys, &fault), STATUS_OK);
        assert_non_null(strstr(fault.items[0].detail, key_path));
        if (!strstr(fault.items[0].detail, cases[i].said))
            fail_msg("%s: %s", cases[i].line, fault.items[0].detail);
        if (i + 1 < sizeof cases / sizeof *cases) /* two lines are at fault in the last */
            assert_non_null(strstr(fault.items[0].detail, "line 7"));
    }
}

static void any_bytes_in_a_file_of_keys_are_read_or_refused(void **state)
{
    (void)state;
    static const char bytes[] = " \t\r\n#,:=.-_aA09\x80\xff\0";
    uint64_t random = 7;
    int sound = 0, refused = 0;
    write_role_keys("");
    size_t n;
    char *whole = test_read_file(arena, key_path, &n), *text = arena_alloc(arena, n);
    for (uint32_t i = 0; i < 600; i++) {
        struct fault fault;
        struct keys *keys;
        fault_init(&fault, arena);
        memcpy(text, whole, n);
        for (uint32_t k = 0; k < i % 4; k++)
            text[test_random(&random) % n] = bytes[test_random(&random) % (sizeof bytes - 1)];
        FILE *f = fopen(key_path, "w");
        assert_non_null(f);
        fwrite(text, 1, i % 3 ? n : test_random(&random) % n, f);
        fclose(f);
        if (keys_read(key_path, &keys, &fault) == STATUS_OK) {
            assert_null(keys_find(keys, "nobody.at.all"));
            keys_free(keys);
            sound++;
        } else {
            assert_true(fault.count > 0);
            refused++;
        }
    }
    assert_true(sound > 90 && refused > 150);
}

static void a_broken_file_at_reload_keeps_the_old_keys(void **state)
{
    (void)state;
    char fresh[KEY_TEXT_SIZE], hash[KEY_HASH_TEXT_SIZE];
    struct fault fault;
    fault_init(&fault, arena);
    keys_make("fresh", fresh, hash);
    write_role_keys("");
    struct api *closed = closed_api();
    assert_problem(ask_with(closed, METHOD_GET, "/metrics", fresh), STATUS_UNAUTHORIZED, "", NULL);
    write_role_keys("rubbish");
    struct api_stats stats;
    api_stats(closed, &stats);
    assert_true(stats.keys == ROLES && !stats.keys_stale);
    assert_int_not_equal(api_reload_keys(closed, &fault), STATUS_OK);
    api_stats(closed, &stats);
    assert_true(stats.keys == ROLES && stats.keys_stale);
    struct api_response res = ask_with(closed, METHOD_GET, "/metrics", texts[3]);
    assert_ok(&res);
    api_response_done(&res);
    unlink(key_path);
    assert_int_not_equal(api_reload_keys(closed, &fault), STATUS_OK);
    res = ask_with(closed, METHOD_GET, "/metrics", texts[3]);
    assert_ok(&res);
    api_response_done(&res);
    write_keys(arena_printf(arena, "fresh admin %s", hash));
    assert_int_equal(api_reload_keys(closed, &fault), STATUS_OK);
    api_stats(closed, &stats);
    assert_true(stats.keys == 1 && !stats.keys_stale);
    res = ask_with(closed, METHOD_GET, "/metrics", fresh);
    assert_ok(&res);
    api_response_done(&res);
    assert_problem(ask_with(closed, METHOD_GET, "/metrics", texts[3]), STATUS_UNAUTHORIZED, "", NULL);
    write_keys("# nobody any more\n");
    assert_int_equal(api_reload_keys(closed, &fault), STATUS_OK);
    assert_problem(ask_with(closed, METHOD_GET, "/metrics", fresh), STATUS_UNAUTHORIZED, "", NULL);
    api_free(closed);
}

static void a_server_does_not_begin_without_the_keys_it_was_told_of(void **state)
{
    (void)state;
    struct api_config config = api_config_default();
    struct fault fault;
    struct api *none;
    fault_init(&fault, arena);
    config.keys = "/tmp/no such file of keys";
    assert_int_not_equal(api_new(&config, engine, pool, &none, &fault), STATUS_OK);
    assert_non_null(strstr(fault.items[0].detail, config.keys));
    config.keys = "/tmp";
    assert_int_not_equal(api_new(&config, engine, pool, &none, &fault), STATUS_OK);
}

struct asker {
    struct api *of;
    atomic_bool stop;
    atomic_int asked, refused;
};

static void *ask_on(void *user)
{
    struct asker *a = user;
    struct ask one = {.method = METHOD_GET, .path = "/version"};
    char authorization[KEY_TEXT_SIZE + 8];
    snprintf(authorization, sizeof authorization, "Bearer %s", texts[3]);
    one.path = "/metrics";
    one.more[0] = (struct pair){"Authorization", authorization};
    while (!atomic_load(&a->stop)) {
        struct api_response res = ask_of(a->of, one);
        atomic_fetch_add(&a->refused, res.http_status != 200);
        atomic_fetch_add(&a->asked, 1);
        api_response_done(&res);
    }
    return NULL;
}

static void reloads_refuse_nobody_meanwhile(void **state)
{
    (void)state;
    struct fault fault;
    pthread_t threads[2];
    fault_init(&fault, arena);
    write_role_keys("");
    struct asker a = {.of = closed_api()};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &a), 0);
    for (int i = 0; i < 500 || atomic_load(&a.asked) < 1000; i++)
        assert_int_equal(api_reload_keys(a.of, &fault), STATUS_OK);
    atomic_store(&a.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(a.refused, 0);
    api_free(a.of);
}

static void heads_are_refused_before_their_bodies_come(void **state)
{
    (void)state;
    write_role_keys("");
    struct api *closed = closed_api();
    struct ask a = {.method = METHOD_POST, .path = "/process", .type = "audio/wav"};
    struct api_response res;
    struct api_request req = request_of(&a);
    assert_false(api_accept_headers(closed, &req, 1 << 20, &res));
    assert_problem(res, STATUS_UNAUTHORIZED, "", NULL);
    a.more[0] = (struct pair){"Authorization", bearer(texts[0])};
    assert_false(api_accept_headers(closed, &req, 1 << 20, &res));
    assert_problem(res, STATUS_FORBIDDEN, "", "needs process");
    a.more[0].value = bearer(texts[1]);
    assert_true(api_accept_headers(closed, &req, 1 << 20, &res));
    api_free(closed);
}

static const char *client_of(struct api *of, const char *peer, const char *key)
{
    struct ask a = {.method = METHOD_GET, .path = "/metrics", .peer = peer};
    if (key)
        a.more[0] = (struct pair){"Authorization", bearer(key)};
    struct api_response res = ask_of(of, a);
    char *id = arena_strdup(arena, res.exchange->client->id);
    assert_string_equal(res.client, id); /* whose turn it is in the queue */
    api_response_done(&res);
    return id;
}

static void clients_are_their_key_or_their_address_or_their_64_bits_of_it(void **state)
{
    (void)state;
    write_role_keys("");
    struct api *closed = closed_api();
    assert_string_equal(client_of(api, NULL, NULL), "local");
    assert_string_equal(client_of(api, "203.0.113.7", NULL), "addr:203.0.113.7");
    assert_string_equal(client_of(api, "::ffff:203.0.113.7", NULL), "addr:203.0.113.7");
    assert_string_equal(client_of(api, "2001:db8:1:2:3:4:5:6", NULL), "addr:2001:db8:1:2::/64");
    assert_string_equal(client_of(api, "2001:DB8:1:2::", NULL), "addr:2001:db8:1:2::/64");
    assert_string_equal(client_of(api, "203.0.113.7", texts[3]), "addr:203.0.113.7"); /* nobody looks at keys */
    assert_string_equal(client_of(closed, "203.0.113.7", texts[3]), "key:admin-key");
    assert_string_equal(client_of(closed, "203.0.113.7", NULL), "addr:203.0.113.7");
    api_free(closed);
}

static void a_keys_share_of_work_is_known_to_quotas_and_jobs(void **state)
{
    (void)state;
    write_role_keys(arena_printf(arena, "half process %s quota-seconds=0.5\n", hashes[0]));
    struct api *closed = closed_api();
    assert_true(access_quota_seconds(closed->access, "key:half") == 0.5);
    assert_true(access_quota_seconds(closed->access, "key:render-key") == 0);
    assert_true(access_quota_seconds(closed->access, "key:gone") == 0);
    assert_true(access_quota_seconds(closed->access, "addr:203.0.113.7") == 0);
    assert_true(access_quota_seconds(api->access, "key:half") == 0);
    api_free(closed);
}

static void expect_status(struct api *of, enum method method, const char *path, const char *key, int http_status)
{
    struct api_response res = ask_with(of, method, path, key);
    assert_int_equal(res.http_status, http_status);
    api_response_done(&res);
}

static void a_stream_is_there_for_the_key_that_opened_it(void **state)
{
    (void)state;
    char other[KEY_TEXT_SIZE], chief[KEY_TEXT_SIZE], hash[KEY_HASH_TEXT_SIZE], lines[512];
    keys_make("other", other, hash);
    int n = snprintf(lines, sizeof lines, "other process %s\n", hash);
    keys_make("chief", chief, hash);
    snprintf(lines + n, sizeof lines - (size_t)n, "chief process,admin %s\n", hash);
    write_role_keys(lines);
    struct api *of = closed_api();
    struct api_response res = ask_of(of, (struct ask){.method = METHOD_POST,
                                                      .path = "/streams",
                                                      .type = "application/json",
                                                      .body = "{\"expr\":\"in\",\"rate\":48000,\"channels\":1}",
                                                      .more = {{"Authorization", bearer(texts[1])}}});
    assert_int_equal(res.http_status, 201);
    const char *path = arena_strdup(arena, header_of(&res, "Location"));
    const char *export = arena_printf(arena, "%s/state", path);
    api_response_done(&res);
    expect_status(of, METHOD_GET, path, other, 404);
    expect_status(of, METHOD_GET, export, other, 404);
    expect_status(of, METHOD_DELETE, path, other, 404);
    expect_status(of, METHOD_GET, path, chief, 200);
    expect_status(of, METHOD_GET, export, texts[1], 200);
    expect_status(of, METHOD_DELETE, path, texts[1], 204);
    api_free(of);
}

static void what_a_key_may_see_is_kept_by_no_shared_cache(void **state)
{
    (void)state;
    write_role_keys("");
    struct api *closed = closed_api();
    struct ask a = {.method = METHOD_GET,
                    .path = "/render",
                    .query = arena_printf(arena, "expr=x&width=2&height=2&v=%d", SEMANTICS_VERSION)};
    struct api_response res = ask(a);
    assert_string_equal(header_of(&res, "Cache-Control"), "public, max-age=31536000, immutable");
    api_response_done(&res);
    a.more[0] = (struct pair){"Authorization", bearer(texts[0])};
    res = ask_of(closed, a);
    assert_ok(&res);
    assert_string_equal(header_of(&res, "Cache-Control"), "private, max-age=31536000, immutable");
    api_response_done(&res);
    api_free(closed);
}

static int set_up(void **state)
{
    snprintf(key_path, sizeof key_path, "/tmp/sinter-test-keys-%ld", (long)getpid());
    for (int i = 0; i < ROLES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s-key", role_words[i]);
        keys_make(name, texts[i], hashes[i]);
    }
    return ask_set_up(state);
}

static int tear_down(void **state)
{
    unlink(key_path);
    return ask_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_opens_to_the_roles_of_its_row_and_to_no_other),
        cmocka_unit_test(without_keys_nobody_is_asked_for_one),
        cmocka_unit_test(what_is_not_exactly_a_key_is_401),
        cmocka_unit_test(a_key_ends_with_its_day),
        cmocka_unit_test(files_that_are_not_sound_are_refused_with_their_line),
        cmocka_unit_test(any_bytes_in_a_file_of_keys_are_read_or_refused),
        cmocka_unit_test(a_broken_file_at_reload_keeps_the_old_keys),
        cmocka_unit_test(a_server_does_not_begin_without_the_keys_it_was_told_of),
        cmocka_unit_test(reloads_refuse_nobody_meanwhile),
        cmocka_unit_test(heads_are_refused_before_their_bodies_come),
        cmocka_unit_test(clients_are_their_key_or_their_address_or_their_64_bits_of_it),
        cmocka_unit_test(a_keys_share_of_work_is_known_to_quotas_and_jobs),
        cmocka_unit_test(a_stream_is_there_for_the_key_that_opened_it),
        cmocka_unit_test(what_a_key_may_see_is_kept_by_no_shared_cache),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
