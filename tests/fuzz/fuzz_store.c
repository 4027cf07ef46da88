/* libFuzzer: any bytes as a row of the kernel store, or as the whole database file. Nothing may be handed out whose MAC
 * is wrong; the store goes on whatever it reads. In the first byte: 1 the whole file, 2 a right MAC, 4 the row's key as
 * asked for. In the second, two bits a column: blob, text, number, null.
 *     ./dev fuzz store 60 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jit/store.h"
#include "tests/fuzz/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WHOLE = 1, RIGHT_MAC = 2, RIGHT_KEY = 4 };

static const uint8_t secret[MAC_KEY_SIZE], wanted[HASH_SIZE] = {1, 2, 3};
static char dir[64], path[96];

static void write_file(const char *name, const void *data, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    host_require(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

static void remove_all(void)
{
    static const char *const names[] = {"db",           "db-wal",       "db-shm", "db.damaged-1",
                                        "db.damaged-2", "db.damaged-3", "key"};
    char name[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s/kernels.%s", dir, names[i]);
        unlink(name);
    }
    rmdir(dir);
}

static void set_up(void)
{
    char name[128];
    if (*dir)
        return;
    strcpy(dir, "/dev/shm/sinter-fuzz-XXXXXX");
    host_require(mkdtemp(dir));
    atexit(remove_all);
    snprintf(path, sizeof path, "%s/kernels.db", dir);
    snprintf(name, sizeof name, "%s/kernels.key", dir);
    write_file(name, secret, sizeof secret);
}

static struct store *open_store(void)
{
    return store_open(&(struct store_config){.dir = dir, .bytes = 1 << 20});
}

static bool look(const struct stored *row, void *user)
{
    (void)user;
    host_require(row->image.size && row->image.entry < row->image.size);
    return true;
}

static void count(const struct store_row *row, void *user)
{
    *(unsigned *)user += row->sound;
}

/* How many sound rows it has. */
static unsigned read_all(struct store *s, struct bytes shape)
{
    unsigned sound = 0;
    struct stored row;
    struct fault fault;
    struct mapped mapped;
    struct arena *a = arena_new(1 << 20);
    host_require(a && !ARENA_GUARD(a));
    fault_init(&fault, a);
    if (store_get(s, wanted, TARGET_V3, shape, &row) == STORE_HIT) {
        host_require(!memcmp(row.key, wanted, HASH_SIZE) && row.image.entry < row.image.size);
        if (image_map(&row.image, &mapped, &fault) == STATUS_OK)
            image_unmap(&mapped);
        stored_done(&row);
    }
    store_recent(s, 4, look, NULL);
    (void)store_list(s, true, count, &sound);
    arena_free(a);
    return sound;
}

/* ---- a row ---- */

struct parts {
    const uint8_t *at, *end;
    unsigned kinds;
};

/* The next bytes, their number before them in a byte; as a value of the kind that is next. */
static struct bytes bind_next(sqlite3_stmt *stmt, int column, struct parts *p)
{
    size_t n = p->at < p->end ? *p->at++ : 0;
    if (n > (size_t)(p->end - p->at))
        n = (size_t)(p->end - p->at);
    struct bytes b = {p->at, n};
    unsigned kind = p->kinds & 3;
    p->at += n;
    p->kinds >>= 2;
    if (kind == 1)
        sqlite3_bind_text(stmt, column, (const char *)b.data, (int)n, SQLITE_TRANSIENT);
    else if (kind == 2)
        sqlite3_bind_int64(stmt, column, n ? (int64_t)((uint64_t)b.data[0] << 8 * (n % 8)) : -1);
    else if (kind == 3)
        sqlite3_bind_null(stmt, column);
    else
        sqlite3_bind_blob(stmt, column, n ? (const void *)b.data : "", (int)n, SQLITE_TRANSIENT);
    return b;
}

static void insert(sqlite3 *db, const uint8_t *data, size_t n, struct bytes *ret_shape)
{
    sqlite3_stmt *stmt;
    struct parts p = {data + 2, data + n, data[1]};
    const char *sql = "INSERT OR REPLACE INTO kernels VALUES(?, ?, ?, ?, ?, ?, 1)";
    host_require(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    struct bytes image = bind_next(stmt, 4, &p);
    *ret_shape = bind_next(stmt, 3, &p);
    struct bytes key = bind_next(stmt, 1, &p);
    (void)bind_next(stmt, 2, &p);
    p.kinds = 0;
    if (data[0] & RIGHT_KEY) {
        key = (struct bytes){wanted, HASH_SIZE};
        sqlite3_bind_blob(stmt, 1, wanted, HASH_SIZE, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, target_name(TARGET_V3), -1, SQLITE_STATIC);
    }
    uint32_t entry = image.n ? image.data[0] : 0;
    sqlite3_bind_int64(stmt, 5, entry);
    uint8_t mac[MAC_SIZE], entry_bytes[4] = {(uint8_t)entry};
    const char *name = target_name(TARGET_V3);
    const struct hash_part parts[] = {{key.data, key.n},
                                      {name, strlen(name)},
                                      {entry_bytes, sizeof entry_bytes},
                                      {ret_shape->data, ret_shape->n},
                                      {image.data, image.n}};
    hash_mac(secret, parts, sizeof parts / sizeof *parts, mac);
    if (data[0] & RIGHT_MAC)
        sqlite3_bind_blob(stmt, 6, mac, MAC_SIZE, SQLITE_TRANSIENT);
    else
        (void)bind_next(stmt, 6, &p);
    (void)sqlite3_step(stmt);
    sqlite3_finalize(stmt);
}

static void check_row(const uint8_t *data, size_t n)
{
    static struct store *s;
    static sqlite3 *db;
    struct bytes shape;
    if (!s) {
        s = open_store();
        host_require(s);
        host_require(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
        sqlite3_busy_timeout(db, 1000);
    }
    sqlite3_exec(db, "DELETE FROM kernels", NULL, NULL, NULL);
    insert(db, data, n, &shape);
    unsigned sound = read_all(s, shape);
    if (!(data[0] & RIGHT_MAC))
        host_require(!sound);
}

/* ---- the file ---- */

/* A store of its own: the other one is open. */
static void check_file(const uint8_t *data, size_t n)
{
    char rows_dir[sizeof dir], rows_path[sizeof path];
    strcpy(rows_dir, dir);
    strcpy(rows_path, path);
    *dir = 0;
    set_up();
    write_file(path, data, n);
    struct store *s = open_store();
    if (s) {
        static const uint8_t code[16];
        struct bytes shape = {code, 8};
        (void)read_all(s, shape);
        store_put(s, wanted, TARGET_V3, shape, &(struct image){code, sizeof code, 0});
        store_flush(s);
        store_close(s);
    }
    remove_all();
    strcpy(dir, rows_dir);
    strcpy(path, rows_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    set_up();
    if (data[0] & WHOLE)
        check_file(data + 1, n - 1);
    else
        check_row(data, n);
    return 0;
}
