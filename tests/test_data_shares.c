/* labels: api */
/* What one owner may have of what all share in the data store, and what counts. */
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/kept.h"

static double share_of(const char *owner, void *user)
{
    (void)user;
    return *owner == 'a' ? 0.5 : 1;
}

static void share(void)
{
    kept_config.share = share_of;
}

static enum status try_upload(struct data_store *s, const char *owner, uint8_t seed, size_t n)
{
    struct data_upload *u;
    char hex[DATA_SHA256_HEX];
    uint64_t size;
    uint8_t *bytes = malloc(n);
    memset(bytes, seed, n);
    kept_good(data_upload_new(s, DATA_BLOB, owner, &u, &kept_fault));
    enum status status = data_upload_add(u, bytes, n, &kept_fault);
    if (status == STATUS_OK)
        status = data_blob_end(u, hex, &size, &kept_fault);
    data_upload_free(u);
    free(bytes);
    return status;
}

static void one_owner_fills_no_more_than_its_share(void **state)
{
    (void)state;
    char id[DATA_JOB_ID], hex[DATA_SHA256_HEX];
    enum data_taken taken;
    struct data_new_item items[8];
    for (int i = 0; i < 8; i++)
        items[i] = (struct data_new_item){NULL, "0123456789", 10};
    kept_config.max_blobs_bytes = 4000;
    kept_config.max_jobs = 4;
    kept_config.max_items = 10;
    kept_config.max_jobs_bytes = 1000;
    share();
    struct data_store *s = kept_open();
    struct data_new_job job = kept_job_of("a", NULL, items, 6);
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_LIMIT, "max-client-share"); /* for ever */
    job.n_items = 4;
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    job.n_items = 2;
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_QUOTA, "max-client-share");
    job.n_items = 1;
    kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
    kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_QUOTA, "max-client-share"); /* jobs, of four */
    struct data_new_job other = kept_job_of("b", NULL, items, 5);
    kept_good(data_job_put(s, &other, &taken, id, &kept_fault)); /* the others' half is there for others */
    kept_good(try_upload(s, "a", 1, 1500));
    kept_fails(try_upload(s, "a", 2, 501), STATUS_QUOTA, "max-client-share");
    kept_fails(try_upload(s, "a", 2, 2001), STATUS_TOO_LARGE, "max-client-share");
    kept_good(try_upload(s, "a", 1, 1500)); /* it has that already */
    s = kept_reopen(s);
    kept_fails(try_upload(s, "a", 2, 501), STATUS_QUOTA, "max-client-share");
    kept_good(try_upload(s, "a", 2, 500));
    kept_put_blob(s, "b", 3, 2000, hex);
    kept_fails(try_upload(s, "b", 4, 1), STATUS_STORE, "max-blobs-bytes");
    data_store_free(s);
}

/* What came back counts no more, whoever gave it back and how. */
static void what_an_owner_gives_back_is_its_own_again(void **state)
{
    (void)state;
    char id[DATA_JOB_ID], hex[DATA_SHA256_HEX];
    enum data_taken taken;
    struct data_upload *u;
    struct data_new_item items[5] = {{NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}, {NULL, "0", 1}};
    static uint8_t bytes[3 * DATA_PIECE];
    kept_config.max_items = 10;
    kept_config.max_blobs_bytes = 4 * DATA_PIECE;
    kept_config.max_blob_bytes = 3 * DATA_PIECE;
    share();
    struct data_store *s = kept_open();
    const struct data_new_job job = kept_job_of("a", NULL, items, 5);
    for (int i = 0; i < 3; i++) {
        kept_good(data_job_put(s, &job, &taken, id, &kept_fault));
        kept_fails(data_job_put(s, &job, &taken, id, &kept_fault), STATUS_QUOTA, "max-client-share");
        if (i == 1)
            kept_good(data_job_cancel(s, id, &kept_fault));
        else
            kept_good(kept_run_job(s, 10));
        kept_put_blob(s, "a", 7, 2 * DATA_PIECE, hex);
        kept_fails(try_upload(s, "a", 2, 1), STATUS_QUOTA, "max-client-share");
        kept_good(data_blob_delete(s, "a", hex, &kept_fault));
        kept_good(data_upload_new(s, DATA_BLOB, "a", &u, &kept_fault)); /* does not end */
        kept_good(data_upload_add(u, bytes, 2 * DATA_PIECE, &kept_fault));
        data_upload_free(u);
    }
    data_store_free(s);
}

static void what_is_stored_already_needs_no_room(void **state)
{
    (void)state;
    kept_config.max_blobs_bytes = 3000;
    kept_config.max_blob_bytes = 2000;
    struct data_store *s = kept_open();
    kept_good(try_upload(s, "b", 1, 2000));
    kept_good(try_upload(s, "b", 2, 1000));
    kept_fails(try_upload(s, "b", 3, 1), STATUS_STORE, "max-blobs-bytes");
    kept_good(try_upload(s, "b", 1, 2000));
    kept_good(try_upload(s, "c", 2, 1000)); /* another's, too: it is kept once */
    kept_fails(try_upload(s, "b", 3, 2000), STATUS_STORE, "max-blobs-bytes");
    struct data_stats st;
    data_maintain(s);
    data_stats(s, &st);
    assert_int_equal(st.blobs_bytes, 3000);
    data_store_free(s);
}

static void new_results_push_out_the_owners_own_first(void **state)
{
    (void)state;
    char others[DATA_JOB_ID], ids[3][DATA_JOB_ID];
    enum data_taken taken;
    struct data_job view;
    kept_config.max_results_bytes = 200000;
    share();
    struct data_store *s = kept_open();
    const struct data_new_item one = {NULL, "0", 1};
    struct data_new_job job = kept_job_of("b", NULL, &one, 1);
    kept_good(data_job_put(s, &job, &taken, others, &kept_fault));
    kept_good(kept_run_job(s, 60000));
    job.owner = "a";
    for (int i = 0; i < 3; i++) {
        kept_good(data_job_put(s, &job, &taken, ids[i], &kept_fault));
        kept_good(kept_run_job(s, 60000));
    }
    kept_good(data_job_get(s, ids[0], &view, &kept_fault));
    assert_true(view.expired);
    kept_good(data_job_get(s, ids[2], &view, &kept_fault));
    assert_false(view.expired);
    kept_good(data_job_get(s, others, &view, &kept_fault));
    assert_false(view.expired); /* although it is older */
    struct data_new_item two[2] = {one, one};
    job = kept_job_of("a", NULL, two, 2);
    kept_good(data_job_put(s, &job, &taken, ids[0], &kept_fault));
    kept_fails(kept_run_job(s, 60000), STATUS_QUOTA, "max-client-share"); /* 120,000 of one job */
    data_store_free(s);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, kept_set_up, kept_tear_down)
    static const struct CMUnitTest tests[] = {
        ONE(one_owner_fills_no_more_than_its_share),
        ONE(what_an_owner_gives_back_is_its_own_again),
        ONE(what_is_stored_already_needs_no_room),
        ONE(new_results_push_out_the_owners_own_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
