/* labels: api */
/* data.db of another age, of a newer server, damaged, or from a backup: what a start makes of it. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/data/data_store.h"
#include "core/hash.h"
#include "tests/support.h"
#include "tests/support/folder.h"

static struct arena *arena;
static struct fault fault;
static char dir[FOLDER_PATH], path[96];
static struct data_config config;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    fault_init(&fault, arena);
    folder_make(dir);
    snprintf(path, sizeof path, "%s/data.db", dir);
    config = data_config_default();
    config.dir = dir;
    return 0;
}

static void run(const char *format, const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(dir);
    arena_free(arena);
    return 0;
}

static void sql(const char *file, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void graph_of(int i, char ret_id[HASH_HEX], char ret_text[64])
{
    uint8_t digest[HASH_SIZE];
    snprintf(ret_text, 64, "{\"output\":\"x*%d\"}", i);
    hash_parts(&(struct hash_part){ret_text, strlen(ret_text)}, 1, digest);
    hash_hex(digest, ret_id);
}

static void assert_graphs(struct data_store *s, int n)
{
    for (int i = 0; i < n; i++) {
        char id[HASH_HEX], text[64], *found = NULL;
        graph_of(i, id, text);
        assert_int_equal(data_graph_get(s, id, &found, &fault), STATUS_OK);
        assert_non_null(found);
        assert_string_equal(found, text);
        free(found);
    }
}

static struct data_store *opened(void)
{
    struct data_store *s;
    if (data_store_new(&config, &s, &fault) != STATUS_OK)
        fail_msg("%s", fault.items[0].detail);
    return s;
}

static void fill(int n)
{
    struct data_store *s = opened();
    for (int i = 0; i < n; i++) {
        char id[HASH_HEX], text[64];
        bool known;
        graph_of(i, id, text);
        assert_int_equal(data_graph_put(s, id, text, &known, &fault), STATUS_OK);
    }
    data_store_free(s);
}

static void count_fault(const char *line, void *user)
{
    (void)user;
    print_message("  %s\n", line);
}

static uint64_t faults_found(void)
{
    struct data_verified v;
    assert_int_equal(data_verify(dir, count_fault, NULL, &v, &fault), STATUS_OK);
    return v.faults;
}

/* What the first released server wrote, word for word. */
static void make_version_1(int n)
{
    char insert[256], id[HASH_HEX], text[64];
    sql(path, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304;"
              "CREATE TABLE IF NOT EXISTS graphs (id TEXT PRIMARY KEY, canonical TEXT NOT NULL,"
              " stored_at INTEGER NOT NULL) WITHOUT ROWID; PRAGMA user_version=1;");
    for (int i = 0; i < n; i++) {
        graph_of(i, id, text);
        snprintf(insert, sizeof insert, "INSERT INTO graphs VALUES ('%s', '%s', 1700000000)", id, text);
        sql(path, insert);
    }
}

static void a_file_of_version_1_is_migrated_with_its_graphs(void **state)
{
    (void)state;
    struct data_stats stats;
    make_version_1(20);
    assert_int_equal(faults_found(), 0); /* the old one can be verified, too */
    struct data_store *s = opened();
    assert_graphs(s, 20);
    data_stats(s, &stats);
    assert_int_equal(stats.graphs, 20);
    assert_int_equal(stats.graphs_bytes, 10 * (16 * 3 / 2 + 90) + 10 * (17 * 3 / 2 + 90));
    data_store_free(s);
    assert_int_equal(faults_found(), 0);
    s = opened();
    assert_graphs(s, 20);
    data_store_free(s);
}

/* All bytes of data.db and its journal; an empty one is none. */
static char *digest_of_files(void)
{
    static char text[2][512];
    static int turn;
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && cat data.db | sha256sum; test ! -s data.db-wal || sha256sum data.db-wal", dir);
    FILE *f = popen(command, "r");
    char *to = text[turn++ % 2];
    to[fread(to, 1, sizeof text[0] - 1, f)] = 0;
    pclose(f);
    return to;
}

/* The start is refused with all these words, and not a byte is changed. */
static void assert_refused(const char *const *words)
{
    struct data_store *s;
    char *before = digest_of_files();
    enum status status = data_store_new(&config, &s, &fault);
    if (status != STATUS_STORE)
        fail_msg("status %d", status);
    for (; *words; words++)
        if (!strstr(fault.items[0].detail, *words))
            fail_msg("\"%s\" is not in \"%s\"", *words, fault.items[0].detail);
    fault_init(&fault, arena);
    assert_string_equal(digest_of_files(), before);
}

static const char *const damage[] = {"is damaged", "backup", "sinter cache salvage", "was not touched", NULL};

static void a_newer_version_is_refused_naming_both(void **state)
{
    (void)state;
    fill(3);
    sql(path, "PRAGMA user_version=7");
    assert_refused((const char *const[]){"version 7", "up to 3", "newer sinter", NULL});
    sql(path, "PRAGMA user_version=3");
    struct data_store *s = opened();
    assert_graphs(s, 3);
    data_store_free(s);
}

static void what_is_no_database_of_ours_is_refused(void **state)
{
    (void)state;
    run("printf '' > %s", path, "");
    assert_refused(damage);
    run("echo hello > %s", path, "");
    assert_refused(damage);
    run("head -c 100000 /dev/urandom > %s", path, "");
    assert_refused(damage);
    unlink(path);
    sql(path, "CREATE TABLE other (x); INSERT INTO other VALUES (1)");
    assert_refused(damage);
    unlink(path);
    run("head -c 8192 /dev/zero > %s-wal", path, "");
    struct data_store *s;
    assert_int_equal(data_store_new(&config, &s, &fault), STATUS_STORE); /* a journal without its file */
    assert_int_not_equal(access(path, F_OK), 0);
    fault_init(&fault, arena);
}

static void a_file_cut_short_at_any_page_is_refused(void **state)
{
    (void)state;
    struct stat st;
    char keep[128];
    unsigned cuts = 0;
    fill(1500);
    snprintf(keep, sizeof keep, "%s/whole", dir);
    run("cp %s %s", path, keep);
    assert_int_equal(stat(keep, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 4096, cuts++) {
        run("cp %s %s", keep, path);
        assert_int_equal(truncate(path, at), 0);
        assert_refused(damage);
    }
    run("cp %s %s", keep, path);
    struct data_store *s = opened(); /* put back, it is good */
    assert_graphs(s, 1500);
    data_store_free(s);
    print_message("data.db cut at %u places: each refused, untouched\n", cuts);
    assert_true(cuts > 40);
}

/* The journal of a server that was killed holds pages the file has not got yet: that is no damage. Cut, the file is. */
static void a_journal_with_what_the_file_lacks_is_no_damage(void **state)
{
    (void)state;
    char keep[128];
    struct stat st;
    struct data_store *s = opened();
    for (int i = 0; i < 1000; i++) {
        char id[HASH_HEX], text[64];
        bool known;
        graph_of(i, id, text);
        assert_int_equal(data_graph_put(s, id, text, &known, &fault), STATUS_OK);
    }
    snprintf(keep, sizeof keep, "%s/killed", dir); /* as kill -9 leaves it */
    assert_int_equal(mkdir(keep, 0700), 0);
    run("cp %s* %s", path, keep);
    data_store_free(s);
    run("rm -f %s* %s/data.db-shm", path, keep);
    run("cp %s/data.db* %s", keep, dir);
    off_t file, journal;
    assert_int_equal(stat(path, &st), 0);
    file = st.st_size;
    snprintf(keep, sizeof keep, "%s-wal", path);
    assert_int_equal(stat(keep, &st), 0);
    journal = st.st_size;
    s = opened();
    assert_graphs(s, 1000);
    data_store_free(s);
    assert_int_equal(stat(path, &st), 0);
    assert_true(journal > 0 && st.st_size > file);
}

static void a_backup_made_while_the_server_runs_can_be_restored(void **state)
{
    (void)state;
    static const char *const ways[] = {"VACUUM INTO '%s'", ".backup '%s'"};
    for (size_t i = 0; i < 2; i++) {
        char copy[128], command[256], how[128];
        struct data_store *s = opened();
        for (int g = 0; g < 50; g++) {
            char id[HASH_HEX], text[64];
            bool known;
            graph_of(g, id, text);
            assert_int_equal(data_graph_put(s, id, text, &known, &fault), STATUS_OK);
        }
        snprintf(copy, sizeof copy, "%s/backup-%zu.db", dir, i);
        snprintf(how, sizeof how, ways[i], copy);
        snprintf(command, sizeof command, "sqlite3 %s \"%s\"", path, how);
        assert_int_equal(system(command), 0); /* as docs/operating.md says */
        data_store_free(s);
        run("rm -f %s %s-*", path, path);
        run("cp %s %s", copy, path);
        s = opened();
        assert_graphs(s, 50);
        data_store_free(s);
        assert_int_equal(faults_found(), 0);
    }
}

static void verify_finds_what_is_wrong(void **state)
{
    (void)state;
    static const char *const wrongs[] = {
        "UPDATE graphs SET canonical='{\"output\":\"x*77\"}' WHERE id=(SELECT min(id) FROM graphs)",
        "UPDATE totals SET graphs=graphs+1",
        "UPDATE chunks SET data=zeroblob(length(data))",
        "DELETE FROM chunks",
        "UPDATE bodies SET size=size+1",
        "DELETE FROM requests",
        "UPDATE jobs SET queued=queued+1",
        "UPDATE owners SET items=items+1",
        "UPDATE owners SET coming_bytes=1",
        "INSERT INTO chunks VALUES (99<<20, x'00')",
    };
    char keep[128], hex[DATA_SHA256_HEX], job_id[DATA_JOB_ID];
    struct data_upload *u;
    uint64_t size;
    enum data_taken taken;
    fill(5);
    struct data_store *s = opened();
    assert_int_equal(data_upload_new(s, DATA_BLOB, "me", &u, &fault), STATUS_OK);
    assert_int_equal(data_upload_add(u, "blob", 4, &fault), STATUS_OK);
    assert_int_equal(data_blob_end(u, hex, &size, &fault), STATUS_OK);
    data_upload_free(u);
    struct data_new_job job = {.owner = "me", .items = &(struct data_new_item){NULL, "{}", 2}, .n_items = 1};
    assert_int_equal(data_job_put(s, &job, &taken, job_id, &fault), STATUS_OK);
    data_store_free(s);
    assert_int_equal(faults_found(), 0);
    snprintf(keep, sizeof keep, "%s/whole", dir);
    run("cp %s %s", path, keep);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        run("cp %s %s", keep, path);
        sql(path, wrongs[i]);
        if (!faults_found())
            fail_msg("%s is not found", wrongs[i]);
    }
}

static void fill_all(struct data_store *s)
{
    static uint8_t body[100000];
    char hex[DATA_SHA256_HEX], id[DATA_JOB_ID];
    struct data_upload *u;
    uint64_t size;
    enum data_taken taken;
    struct data_item item;
    uint32_t n;
    for (uint8_t i = 0; i < 5; i++) {
        memset(body, i, sizeof body);
        assert_int_equal(data_upload_new(s, DATA_BLOB, "me", &u, &fault), STATUS_OK);
        assert_int_equal(data_upload_add(u, body, sizeof body, &fault), STATUS_OK);
        assert_int_equal(data_blob_end(u, hex, &size, &fault), STATUS_OK);
        data_upload_free(u);
        const struct data_new_item items[2] = {{"a", "{}", 2}, {NULL, "{}", 2}};
        struct data_new_job job = {.owner = "me", .items = items, .n_items = 2};
        assert_int_equal(data_job_put(s, &job, &taken, id, &fault), STATUS_OK);
        assert_int_equal(data_items_lease(s, &item, 1, &n, &fault), STATUS_OK);
        struct data_outcome o = {.http_status = 200, .body = body, .n = 30000};
        assert_int_equal(data_item_end(s, &item, &o, &fault), STATUS_OK);
        data_item_done(&item);
    }
}

/* What salvage brings home of the file as it is now. It must start a server, and be in order. */
static struct data_verified salvaged(void)
{
    struct data_verified v;
    struct data_store *s;
    char new_dir[80], *before = digest_of_files();
    snprintf(new_dir, sizeof new_dir, "%s/saved", dir);
    run("rm -rf %s", new_dir, "");
    if (data_salvage(dir, new_dir, &fault) != STATUS_OK) {
        fault_init(&fault, arena);
        return (struct data_verified){0};
    }
    assert_string_equal(digest_of_files(), before);
    assert_int_equal(data_verify(new_dir, count_fault, NULL, &v, &fault), STATUS_OK);
    assert_int_equal(v.faults, 0);
    struct data_config c = config;
    c.dir = new_dir;
    assert_int_equal(data_store_new(&c, &s, &fault), STATUS_OK);
    data_store_free(s);
    return v;
}

static void what_can_be_read_of_a_damaged_file_is_saved(void **state)
{
    (void)state;
    char keep[128], damage_page[256];
    struct stat st;
    uint64_t least = UINT64_MAX, tries = 0, graphs = 0, whole = 0;
    fill(1000);
    struct data_store *s = opened();
    fill_all(s);
    data_store_free(s);
    struct data_verified v = salvaged();
    assert_int_equal(v.graphs, 1000);
    assert_int_equal(v.blobs, 5);
    assert_int_equal(v.jobs, 5);
    snprintf(keep, sizeof keep, "%s/whole", dir);
    run("cp %s %s", path, keep);
    assert_int_equal(stat(keep, &st), 0);
    for (off_t page = 2; page < st.st_size / 4096; page += 7, tries++) { /* one page of nonsense */
        run("cp %s %s", keep, path);
        snprintf(damage_page, sizeof damage_page,
                 "head -c 4096 /dev/urandom | dd of=%s bs=4096 seek=%ld conv=notrunc 2>/dev/null", path, (long)page);
        assert_int_equal(system(damage_page), 0);
        v = salvaged();
        least = v.graphs < least ? v.graphs : least;
        graphs += v.graphs;
        whole += v.graphs == 1000 && v.blobs == 5 && v.jobs == 5;
    }
    print_message(
        "one page broken, %llu times: %.1f %% of the graphs saved on average, at least %llu of 1000; %llu times "
        "everything\n",
        (unsigned long long)tries, (double)graphs / 10 / (double)tries, (unsigned long long)least,
        (unsigned long long)whole);
    assert_true(graphs > 900 * tries);
    run("cp %s %s", keep, path);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    assert_refused(damage);
    v = salvaged();
    print_message("half of the file: %llu graphs, %llu blobs, %llu jobs saved\n", (unsigned long long)v.graphs,
                  (unsigned long long)v.blobs, (unsigned long long)v.jobs);
    assert_true(v.graphs > 100);
}

/* As version 2 wrote it: owners had no sums. */
static void make_version_2(void)
{
    static const char *const columns[] = {"jobs",        "items",        "items_bytes",
                                          "blobs_bytes", "coming_bytes", "results_bytes"};
    char drop[128];
    struct data_store *s = opened();
    fill_all(s);
    data_store_free(s);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        snprintf(drop, sizeof drop, "ALTER TABLE owners DROP COLUMN %s", columns[i]);
        sql(path, drop);
    }
    sql(path, "ALTER TABLE bodies DROP COLUMN owner; PRAGMA user_version=2");
}

static void what_owners_have_is_counted_when_version_2_is_migrated(void **state)
{
    (void)state;
    make_version_2();
    assert_int_equal(faults_found(), 0);
    struct data_verified v = salvaged(); /* an old one that is damaged can be saved, too */
    assert_int_equal(v.blobs, 5);
    assert_int_equal(v.jobs, 5);
    data_store_free(opened());
    assert_int_equal(faults_found(), 0); /* verify counts anew */
    sql(path, "CREATE TABLE seen AS SELECT 1 FROM owners WHERE name='me' AND jobs=5 AND items=5 AND items_bytes=10 AND"
              " blobs_bytes=500000 AND coming_bytes=0 AND results_bytes=150000;"
              "CREATE TABLE one (n CHECK (n = 1)); INSERT INTO one SELECT count(*) FROM seen");
}

/* What `sinter cache verify` prints, and how it ends. */
static int verify_command(char ret_text[4096])
{
    char command[512];
    snprintf(command, sizeof command, "%s/sinter cache verify --store %s 2>&1", test_build_dir(), dir);
    FILE *f = popen(command, "r");
    ret_text[fread(ret_text, 1, 4095, f)] = 0;
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_verify_command_looks_at_both_files_and_changes_neither(void **state)
{
    (void)state;
    char text[4096], warm[512], kernels[128];
    fill(5);
    snprintf(warm, sizeof warm,
             "echo '{\"output\":\"x*y\"}' >%s/g.json && %s/sinter cache warm %s/g.json --store %s >&2", dir,
             test_build_dir(), dir, dir);
    assert_int_equal(system(warm), 0);
    assert_int_equal(verify_command(text), 0);
    assert_non_null(strstr(text, "1 kernels"));
    assert_non_null(strstr(text, "data.db: version 3, 5 graphs, 0 blobs, 0 jobs, 0 faults"));
    snprintf(kernels, sizeof kernels, "%s/kernels.db", dir);
    sql(kernels, "UPDATE kernels SET image=zeroblob(length(image))");
    assert_int_equal(verify_command(text), 1);
    assert_non_null(strstr(text, "1 broken"));
    assert_int_equal(truncate(kernels, 8192), 0);
    assert_int_equal(verify_command(text), 1);
    assert_non_null(strstr(text, "kernels.db: "));
    run("test ! -e %s.damaged-1", kernels, "");
    unlink(kernels);
    sql(path, "UPDATE graphs SET canonical='{}' WHERE id=(SELECT min(id) FROM graphs)");
    assert_int_equal(verify_command(text), 1);
    assert_non_null(strstr(text, "is not what its name says"));
    assert_int_not_equal(access(kernels, F_OK), 0);
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        ONE(a_file_of_version_1_is_migrated_with_its_graphs),
        ONE(a_newer_version_is_refused_naming_both),
        ONE(what_is_no_database_of_ours_is_refused),
        ONE(a_file_cut_short_at_any_page_is_refused),
        ONE(a_journal_with_what_the_file_lacks_is_no_damage),
        ONE(a_backup_made_while_the_server_runs_can_be_restored),
        ONE(verify_finds_what_is_wrong),
        ONE(what_can_be_read_of_a_damaged_file_is_saved),
        ONE(what_owners_have_is_counted_when_version_2_is_migrated),
        ONE(the_verify_command_looks_at_both_files_and_changes_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
