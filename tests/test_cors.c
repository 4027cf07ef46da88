/* labels: api */
/* Web pages of other origins: preflights, and what their scripts may read of answers. */
#include "tests/support/ask.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/room.h"

static struct api *cors_api(const char *origins)
{
    struct api_config config = api_config_default();
    config.cors_origins = origins;
    return small_api(config);
}

static struct api_response ask_from(struct api *of, enum method method, const char *path, const char *origin)
{
    struct ask a = {.method = method, .path = path, .query = "expr=x&width=1&height=1"};
    a.more[0] = (struct pair){"Origin", origin};
    a.more[1] = (struct pair){"Access-Control-Request-Method", "POST"};
    return ask_of(of, a);
}

/* Only a key opens it, and there is none. */
static struct api *closed_api(const char *origins)
{
    char path[] = "/tmp/sinter-test-keys-XXXXXX";
    struct api_config config = api_config_default();
    config.keys = path;
    config.cors_origins = origins;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct api *closed = small_api(config);
    close(fd);
    unlink(path);
    return closed;
}

static void preflights_are_answered_for_every_route_and_need_no_key(void **state)
{
    (void)state;
    struct api *closed = closed_api("https://a.example, http://localhost:3000");
    for (size_t i = 0; route_at(i); i++) {
        struct api_response res = ask_from(closed, METHOD_OPTIONS, path_of_route(route_at(i)), "http://localhost:3000");
        static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
        assert_int_equal(res.http_status, 204);
        assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "http://localhost:3000");
        assert_non_null(strstr(header_of(&res, "Access-Control-Allow-Methods"), names[route_at(i)->method]));
        assert_string_equal(header_of(&res, "Access-Control-Allow-Methods"), header_of(&res, "Allow"));
        assert_non_null(strstr(header_of(&res, "Access-Control-Allow-Headers"), "Authorization"));
        assert_true(atoi(header_of(&res, "Access-Control-Max-Age")) > 0);
        assert_string_equal(header_of(&res, "Vary"), "Origin");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Credentials"), "");
        assert_string_equal(res.route, route_at(i)->pattern);
        api_response_done(&res);
        res = ask_from(closed, METHOD_OPTIONS, path_of_route(route_at(i)), "https://b.example");
        assert_int_equal(res.http_status, 204);
        assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Methods"), "");
        api_response_done(&res);
    }
    assert_problem(ask_from(closed, METHOD_OPTIONS, "/nothing", "http://localhost:3000"), STATUS_NOT_FOUND, "", NULL);
    api_free(closed);
}

static void answers_and_refusals_may_be_read_by_the_origins_of_the_list(void **state)
{
    (void)state;
    struct api *other = cors_api("https://a.example");
    static const char *const paths[] = {"/render", "/nothing", "/graphs/x", "/version"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct api_response res = ask_from(other, METHOD_GET, paths[i], "https://a.example");
        assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "https://a.example");
        assert_non_null(strstr(header_of(&res, "Access-Control-Expose-Headers"), "Retry-After"));
        assert_string_equal(header_of(&res, "Vary"), "Origin");
        api_response_done(&res);
        static const char *const others[] = {"https://a.example.org", "http://a.example", "https://a.example:8443",
                                             "null", ""};
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
            res = ask_from(other, METHOD_GET, paths[i], others[k]);
            assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "");
            assert_string_equal(header_of(&res, "Vary"), "Origin"); /* a cache must not give it to a.example */
            api_response_done(&res);
        }
    }
    api_free(other);
    other = cors_api("*");
    struct api_response res = ask_from(other, METHOD_GET, "/render", "https://anybody.example");
    assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(header_of(&res, "Vary"), "");
    api_response_done(&res);
    api_free(other);
    res = ask_from(api, METHOD_GET, "/render", "https://a.example");
    assert_string_equal(header_of(&res, "Access-Control-Allow-Origin"), "");
    api_response_done(&res);
    assert_problem(ask_from(api, METHOD_OPTIONS, "/render", "https://a.example"), STATUS_METHOD, "", NULL);
}

static void lists_of_origins_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a.example",       "https://a.example/",   "https://A.example", "https://",
                                        "ftp://a.example", "*, https://a.example", "https://*.example"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct api_config config = api_config_default();
        struct fault fault;
        struct api *none;
        fault_init(&fault, arena);
        config.cors_origins = wrong[i];
        assert_int_not_equal(api_new(&config, engine, pool, &none, &fault), STATUS_OK);
        assert_non_null(strstr(fault.items[0].detail, "cors-origins"));
    }
}

/* Every "Sinter-NAME" that stands in a file. */
static int check_exposed(const char *path, const char *exposed)
{
    size_t n;
    int found = 0;
    const char *text = test_read_file(arena, path, &n);
    for (const char *at = text; (at = strstr(at, "\"Sinter-")); at++) {
        char *name = arena_strndup(arena, at + 1, strcspn(at + 1, "\""));
        if (strpbrk(name, ", "))
            continue; /* a list */
        if (!strstr(exposed, name))
            fail_msg("%s (%s) is not exposed", name, path);
        found++;
    }
    return found;
}

static void every_header_of_ours_is_exposed_to_pages(void **state)
{
    (void)state;
    struct api *other = cors_api("*");
    struct api_response res = ask_from(other, METHOD_GET, "/version", "https://a.example");
    const char *exposed = header_of(&res, "Access-Control-Expose-Headers");
    glob_t files;
    int found = 0;
    assert_int_equal(glob("api/*.c", 0, NULL, &files), 0);
    assert_int_equal(glob("api/*/*.c", GLOB_APPEND, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        found += check_exposed(files.gl_pathv[i], exposed);
    globfree(&files);
    assert_true(found > 10);
    api_response_done(&res);
    api_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preflights_are_answered_for_every_route_and_need_no_key),
        cmocka_unit_test(answers_and_refusals_may_be_read_by_the_origins_of_the_list),
        cmocka_unit_test(lists_of_origins_are_checked),
        cmocka_unit_test(every_header_of_ours_is_exposed_to_pages),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
