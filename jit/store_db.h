/* kernels.db: the store's rows in SQLite, without threads, secrets or policy. One connection to read, one to write;
 * each is used by one thread at a time, which is the caller's care. Private to jit/store.c. */
#ifndef JIT_STORE_DB_H
#define JIT_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "jit/store.h"

enum db_result {
    DB_OK,
    DB_NONE,    /* there is no such row */
    DB_FORM,    /* there is, but it cannot be one of ours */
    DB_DAMAGED, /* the file is corrupt, or no database of ours */
    DB_NEWER,   /* the file is a newer server's, who may be using it now: not ours to use or to move */
    DB_FULL,    /* the bound of the file is reached */
    DB_ERROR,   /* everything else: I/O, rights, locks */
};

enum { DB_PATH_MAX = 4000, DB_SHAPE_MAX = 8 << 20, DB_NAME_SIZE = 40, DB_BYTES_MIN = 256 << 10 };

struct db {
    char path[DB_PATH_MAX];
    uint64_t bytes;         /* bound */
    struct sqlite3 *reader; /* NULL: nothing can be read */
    struct sqlite3 *writer; /* NULL: nothing can be written */
    struct sqlite3_stmt *get;
    const char *problem; /* why not; a constant string */
};

/* Opens both; `path` and `bytes` are set. DB_OK when it can be read at least. */
enum db_result db_open(struct db *db);
enum db_result db_open_writer(struct db *db);
/* Looks at all pages; `path` is set. Every fault of theirs is told. DB_OK: none. Opens nothing. */
enum db_result db_check(struct db *db, void (*tell)(const char *line, void *user), void *user);
void db_close(struct db *db); /* may be opened again */
/* The file becomes PATH.damaged-N; a few are kept. Closed before. */
bool db_move_aside(const struct db *db);

struct db_row {
    struct stored stored; /* memory as in store.h */
    uint8_t mac[MAC_SIZE];
};
enum db_result db_get(struct db *db, const uint8_t key[HASH_SIZE], struct db_row *ret);

/* What a listing shows of a row. */
struct db_entry {
    uint8_t key[HASH_SIZE];
    char target[32];
    uint32_t size;
    int64_t used_at;
};
enum db_result db_recent(struct db *db, uint32_t n, struct db_entry *ret_entries, uint32_t *ret_n);
enum db_result db_after(struct db *db, const uint8_t key[HASH_SIZE], uint32_t n, struct db_entry *ret_entries,
                        uint32_t *ret_n);
enum db_result db_has(struct db *db, const uint8_t key[HASH_SIZE]);
enum db_result db_compiler(struct db *db, char ret_name[DB_NAME_SIZE]);

/* Writing: all between db_begin and db_commit or db_rollback. */
enum db_result db_begin(struct db *db);
enum db_result db_commit(struct db *db);
void db_rollback(struct db *db);
enum db_result db_put(struct db *db, const struct db_row *row, int64_t used_at);
enum db_result db_touch(struct db *db, const uint8_t key[HASH_SIZE], int64_t used_at);
enum db_result db_delete(struct db *db, const uint8_t key[HASH_SIZE]);
enum db_result db_set_compiler(struct db *db, const char *name);
/* Deletes the least recently used rows until at most `keep_bytes` of pages are in use. Outside a transaction. */
enum db_result db_evict(struct db *db, uint64_t keep_bytes, uint64_t *ret_rows);
enum db_result db_shrink(struct db *db); /* gives free pages and the journal back to the file system */
enum db_result db_size(struct db *db, uint64_t *ret_used_bytes, uint64_t *ret_rows);

#endif
