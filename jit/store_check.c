/* See store.h: looks at kernels.db without opening it as a store, which would move a damaged one aside. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "jit/store.h"
#include "jit/store_db.h"

enum store_state store_check(const char *dir, void (*tell)(const char *line, void *user), void *user)
{
    struct db db = {0};
    int n = snprintf(db.path, sizeof db.path, "%s/kernels.db", dir);
    if (n < 0 || (size_t)n >= sizeof db.path || faccessat(AT_FDCWD, db.path, F_OK, AT_EACCESS) != 0)
        return STORE_ABSENT;
    switch (db_check(&db, tell, user)) {
    case DB_OK:
        return STORE_SOUND;
    case DB_NEWER:
        tell("a newer sinter made it", user);
        return STORE_UNUSABLE;
    default:
        if (db.problem)
            tell(db.problem, user);
        return STORE_UNUSABLE;
    }
}
