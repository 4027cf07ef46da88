/* labels: api */
/* Blobs without a socket: stored whole or while they arrive, kept while a job needs them, what items read. */
#include "tests/support/jobs.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/client.h"
#include "tests/support/upload.h"

enum { LARGE = 3 << 20 };

static struct api_config defaults(void)
{
    return api_config_default();
}

static uint8_t *bytes(size_t n, uint64_t seed)
{
    uint8_t *to = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)test_random(&seed);
    return to;
}

static const char *path_of(const void *data, size_t n)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    crypto_hash_sha256(digest, data, n);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return arena_printf(arena, "/blobs/%s", hex);
}

static struct api_response get_of(struct api *of, const char *path)
{
    return ask_of(of, (struct ask){.method = METHOD_GET, .path = path});
}

static struct api_response forget(struct api *of, const char *path)
{
    return ask_of(of, (struct ask){.method = METHOD_DELETE, .path = path});
}

static void a_blob_is_found_by_its_hash(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), false);
    static const size_t sizes[] = {0, 1, 1000, 128 << 10, (128 << 10) + 1, LARGE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint8_t *data = bytes(sizes[i], i + 1);
        struct ask a = {.method = METHOD_POST, .path = "/blobs", .body = (const char *)data, .size = sizes[i]};
        struct api_response res = ask_of(of, a);
        assert_int_equal(res.http_status, 201);
        assert_string_equal(header_of(&res, "Location"), path_of(data, sizes[i]));
        assert_true(number_of(json_of(res.body, res.body_size), "size") == (double)sizes[i]);
        api_response_done(&res);
        struct heard h = hear_get(of, path_of(data, sizes[i]), NULL);
        assert_int_equal(h.supply, API_SUPPLY_END);
        assert_int_equal(h.n, sizes[i]);
        assert_memory_equal(h.text, data, sizes[i]);
    }
    api_free(of);
    of = jobs_api(defaults(), false);
    struct heard h = hear_get(of, path_of(bytes(LARGE, 6), LARGE), NULL);
    assert_int_equal(h.n, LARGE);
    api_free(of);
}

static void a_blob_that_arrives_in_pieces_is_the_same(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), false);
    const uint8_t *data = bytes(LARGE, 3);
    static const size_t pieces[] = {0, 100001, LARGE, 1 << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t size = LARGE - i;
        struct ask a = {.method = METHOD_POST, .path = "/blobs", .body = (const char *)data, .size = size};
        struct api_response res = upload_of(of, a, pieces[i], i % 2);
        assert_int_equal(res.http_status, 201);
        assert_string_equal(header_of(&res, "Location"), path_of(data, size));
        api_response_done(&res);
    }
    api_free(of);
}

static void a_blob_too_large_is_refused_before_and_while_it_comes(void **state)
{
    (void)state;
    struct api_config config = defaults();
    config.data.max_blob_bytes = 100000;
    struct api *of = jobs_api(config, false);
    struct ask a = {.method = METHOD_POST, .path = "/blobs", .body = (const char *)bytes(200000, 1), .size = 200000};
    struct api_request req = request_of(&a);
    struct api_response res;
    assert_false(api_accept_headers(of, &req, 200000, &res));
    assert_string_equal(res.limit, "max-blob-bytes");
    assert_problem(res, STATUS_TOO_LARGE, "", "--max-blob-bytes");
    res = ask_of(of, a);
    assert_string_equal(res.limit, "max-blob-bytes");
    assert_problem(res, STATUS_TOO_LARGE, "", NULL);
    res = upload_of(of, a, 1000, false);
    assert_string_equal(res.limit, "max-blob-bytes");
    assert_problem(res, STATUS_TOO_LARGE, "", NULL);
    struct api_stats stats;
    api_stats(of, &stats);
    assert_int_equal(stats.data.blobs, 0);
    api_free(of);
}

static void all_blobs_together_have_a_bound(void **state)
{
    (void)state;
    struct api_config config = defaults();
    config.data.max_blobs_bytes = 300000;
    struct api *of = jobs_api(config, false);
    blob_post(of, bytes(200000, 1), 200000);
    struct api_response res = ask_of(
        of,
        (struct ask){.method = METHOD_POST, .path = "/blobs", .body = (const char *)bytes(200000, 2), .size = 200000});
    assert_int_equal(res.http_status, 503);
    assert_string_equal(res.limit, "max-blobs-bytes");
    api_response_done(&res);
    blob_post(of, bytes(200000, 1), 200000); /* is there */
    res = ask_of(
        of,
        (struct ask){.method = METHOD_POST, .path = "/blobs", .body = (const char *)bytes(300001, 3), .size = 300001});
    assert_string_equal(res.limit, "max-blobs-bytes");
    assert_problem(res, STATUS_TOO_LARGE, "", "--max-blobs-bytes"); /* to come back later would not help */
    api_free(of);
}

static void one_client_keeps_no_more_than_its_share(void **state)
{
    (void)state;
    struct api_config config = defaults();
    config.data.max_blobs_bytes = 300000;
    config.data.max_blob_bytes = 150000;
    struct api *of = jobs_api(config, false);
    struct ask a = {.method = METHOD_POST, .path = "/blobs", .peer = "203.0.113.7", .size = 100000};
    a.body = (const char *)bytes(100000, 1);
    struct api_response res = ask_of(of, a);
    assert_int_equal(res.http_status, 201);
    api_response_done(&res);
    a.body = (const char *)bytes(100000, 2);
    res = ask_of(of, a);
    assert_string_equal(res.limit, "max-client-share");
    assert_problem(res, STATUS_QUOTA, "", "--max-client-share");
    a.peer = "203.0.113.8";
    res = ask_of(of, a);
    assert_int_equal(res.http_status, 201);
    api_response_done(&res);
    api_free(of);
}

static void what_a_client_has_is_not_sent_again(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), false);
    const uint8_t *data = bytes(1000, 1);
    const char *path = blob_post(of, data, 1000);
    struct api_response res = get_of(of, path);
    assert_string_equal(header_of(&res, "ETag"), arena_printf(arena, "\"%s\"", path + 7));
    struct ask a = {.method = METHOD_GET, .path = path, .if_none_match = header_of(&res, "ETag")};
    struct api_response again = ask_of(of, a);
    assert_int_equal(again.http_status, 304);
    assert_int_equal(again.body_size, 0);
    api_response_done(&again);
    api_response_done(&res);
    api_free(of);
}

static struct api_response ask_as(struct api *of, struct ask a, const struct client *client)
{
    struct api_request req = request_of(&a);
    struct api_response res;
    req.client = client;
    if (api_begin(of, &req, &res) == API_LONG)
        api_finish(of, &req, &res);
    return res;
}

static void a_blob_is_its_owners(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), false);
    const struct client other = {.id = "key:other", .roles = ROLES_WORK};
    const char *path = blob_post(of, bytes(100, 1), 100);
    assert_problem(ask_as(of, (struct ask){.method = METHOD_GET, .path = path}, &other), STATUS_NOT_FOUND, "",
                   "no blob");
    assert_problem(ask_as(of, (struct ask){.method = METHOD_DELETE, .path = path}, &other), STATUS_NOT_FOUND, "", NULL);
    const char *json = arena_printf(arena, "[{\"kind\":\"process\",\"expr\":\"in\",\"audio\":\"%s\"}]", path);
    assert_problem(
        ask_as(of, (struct ask){.method = METHOD_POST, .path = "/jobs", .type = "application/json", .body = json},
               &other),
        STATUS_BAD_FIELD, "/0/audio", "of yours");
    api_free(of);
}

static void a_blob_goes_when_no_job_reads_it(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), false);
    const char *path = blob_post(of, bytes(4000, 1), 4000);
    const char *job = job_post(
        of, arena_printf(
                arena, "[{\"kind\":\"process\",\"expr\":\"in\",\"rate\":8000,\"channels\":1,\"audio\":\"%s\"}]", path));
    assert_problem(forget(of, path), STATUS_CONFLICT, "", NULL);
    struct fault fault;
    fault_init(&fault, arena);
    assert_int_equal(api_run_jobs(of, &fault), STATUS_OK);
    assert_true(number_of(job_wait(of, job), "done") == 1);
    struct api_response res = forget(of, path);
    assert_int_equal(res.http_status, 204);
    api_response_done(&res);
    assert_problem(forget(of, path), STATUS_NOT_FOUND, "", "no blob");
    assert_problem(get_of(of, path), STATUS_NOT_FOUND, "", "no blob");
    assert_problem(get_of(of, "/blobs/xyz"), STATUS_NOT_FOUND, "", NULL);
    api_free(of);
}

static void a_repeated_job_is_known_when_its_blobs_are_gone(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), true);
    const char *path = blob_post(of, bytes(4000, 1), 4000);
    const char *json = arena_printf(
        arena, "[{\"kind\":\"process\",\"expr\":\"in\",\"rate\":8000,\"channels\":1,\"audio\":\"%s\"}]", path);
    struct api_response first = job_ask(of, json, "k"), res;
    assert_int_equal(first.http_status, 202);
    job_wait(of, header_of(&first, "Location"));
    res = forget(of, path);
    assert_int_equal(res.http_status, 204);
    api_response_done(&res);
    res = job_ask(of, json, "k");
    assert_int_equal(res.http_status, 202);
    assert_string_equal(header_of(&res, "Location"), header_of(&first, "Location"));
    api_response_done(&res);
    api_response_done(&first);
    assert_problem(job_ask(of, json, "other"), STATUS_BAD_FIELD, "/0/audio", "no blob");
    api_free(of);
}

/* what items read */

#define BOUNDARY "----frontier"

struct part {
    const char *name;
    const void *data;
    size_t size;
};

static struct api_response post_parts(const char *path, const struct part *parts, size_t n)
{
    char *body = arena_alloc(arena, 1 << 20), *at = body;
    for (size_t i = 0; i < n; i++) {
        at += sprintf(at, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n", BOUNDARY, parts[i].name);
        memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
        at += sprintf(at, "\r\n");
    }
    at += sprintf(at, "--%s--\r\n", BOUNDARY);
    return ask((struct ask){.method = METHOD_POST,
                            .path = path,
                            .type = "multipart/form-data; boundary=" BOUNDARY,
                            .body = body,
                            .size = (size_t)(at - body)});
}

/* The job's one result has the bytes of the same request as multipart. */
static void assert_as_multipart(struct api *of, const char *item, const char *route, const struct part *parts, size_t n)
{
    size_t lines_n, size;
    const char *job = job_post(of, item);
    job_wait(of, job);
    struct datum **lines = job_results(of, job, NULL, &lines_n);
    assert_int_equal(lines_n, 2);
    if (number_of(lines[0], "status") != 200)
        fail_msg("%s", text_of(datum_get(lines[0], "body"), "detail"));
    char *got = result_bytes(lines[0], &size);
    struct api_response res = post_parts(route, parts, n);
    assert_ok(&res);
    assert_int_equal(size, res.body_size);
    assert_memory_equal(got, res.body, size);
    api_response_done(&res);
}

static void items_read_what_a_multipart_body_would_bring(void **state)
{
    (void)state;
    struct api *of = jobs_api(defaults(), true);
    struct api_response wav = post("/process", "{\"expr\":\"sine(300)\",\"rate\":8000,\"seconds\":0.2}"),
                        png = post("/render", "{\"expr\":\"x*y\",\"width\":20,\"height\":10}");
    const char *audio = blob_post(of, wav.body, wav.body_size), *photo = blob_post(of, png.body, png.body_size);
    static const char gain[] = "{\"expr\":\"in*0.5\",\"tail\":0.1}",
                      reads[] = "{\"expr\":\"image('photo',x,y)\",\"width\":16}",
                      reverb[] = "{\"expr\":\"convolution(in,'hall')\"}";
    const struct part gained[] = {{"request", gain, strlen(gain)}, {"audio", wav.body, wav.body_size}},
                      pictured[] = {{"request", reads, strlen(reads)}, {"photo", png.body, png.body_size}},
                      convolved[] = {{"request", reverb, strlen(reverb)},
                                     {"audio", wav.body, wav.body_size},
                                     {"hall", wav.body, wav.body_size}};
    assert_as_multipart(
        of, arena_printf(arena, "[{\"kind\":\"process\",\"expr\":\"in*0.5\",\"tail\":0.1,\"audio\":\"%s\"}]", audio),
        "/process", gained, 2);
    assert_as_multipart(
        of,
        arena_printf(
            arena, "[{\"kind\":\"render\",\"expr\":\"image('photo',x,y)\",\"width\":16,\"files\":{\"photo\":\"%s\"}}]",
            photo),
        "/render", pictured, 2);
    assert_as_multipart(
        of,
        arena_printf(arena,
                     "[{\"kind\":\"process\",\"expr\":\"convolution(in,'hall')\",\"audio\":\"%s\",\"files\":"
                     "{\"hall\":\"%s\"}}]",
                     audio, audio),
        "/process", convolved, 3);
    api_response_done(&wav);
    api_response_done(&png);
    api_free(of);
}

static void a_file_that_is_no_audio_is_the_items_failure(void **state)
{
    (void)state;
    size_t n;
    struct api *of = jobs_api(defaults(), true);
    const char *path = blob_post(of, "RIFF\4\0\0\0WAVEnone", 16);
    const char *job = job_post(
        of, arena_printf(
                arena, "[{\"kind\":\"process\",\"expr\":\"in\",\"audio\":\"%s\"},{\"kind\":\"render\",\"expr\":\"x\"}]",
                path));
    assert_true(number_of(job_wait(of, job), "failed") == 1);
    struct datum **lines = job_results(of, job, NULL, &n);
    assert_string_equal(text_of(datum_get(result_of(lines, n, "0"), "body"), "type"), "/errors/bad-audio");
    api_free(of);
}

static void an_items_files_have_the_bound_of_a_body(void **state)
{
    (void)state;
    struct api_config config = defaults();
    config.max_body = 5000;
    struct api *of = jobs_api(config, true);
    const char *path = blob_post(of, bytes(4000, 1), 4000);
    assert_limit(
        job_ask(of,
                arena_printf(arena,
                             "[{\"kind\":\"process\",\"expr\":\"in\",\"rate\":8000,\"channels\":1,\"audio\":\"%s\","
                             "\"files\":{\"b\":\"%s\"}}]",
                             path, path),
                NULL),
        "max-body", "/0/files/b");
    api_free(of);
}

int main(void)
{
#define BLOB_TEST(f) cmocka_unit_test_setup_teardown(f, jobs_set_up, jobs_tear_down)
    const struct CMUnitTest tests[] = {
        BLOB_TEST(a_blob_is_found_by_its_hash),
        BLOB_TEST(a_blob_that_arrives_in_pieces_is_the_same),
        BLOB_TEST(a_blob_too_large_is_refused_before_and_while_it_comes),
        BLOB_TEST(all_blobs_together_have_a_bound),
        BLOB_TEST(one_client_keeps_no_more_than_its_share),
        BLOB_TEST(what_a_client_has_is_not_sent_again),
        BLOB_TEST(a_blob_is_its_owners),
        BLOB_TEST(a_blob_goes_when_no_job_reads_it),
        BLOB_TEST(a_repeated_job_is_known_when_its_blobs_are_gone),
        BLOB_TEST(items_read_what_a_multipart_body_would_bring),
        BLOB_TEST(a_file_that_is_no_audio_is_the_items_failure),
        BLOB_TEST(an_items_files_have_the_bound_of_a_body),
    };
    return cmocka_run_group_tests(tests, ask_set_up, ask_tear_down);
}
