/* The settings of `sinter serve`, from config.def: built-in values, then the environment, then the command line. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "api/api.h"
#include "api/load/pool.h"
#include "jit/engine.h"
#include "server/http.h"
#include "server/log.h"

struct settings {
    struct http_config http;
    struct api_config api;
    struct engine_config engine;
    struct pool_limits queue;
    const char *store; /* NULL: nothing is kept; api.store_dir and engine.store_dir are the same */
    enum log_level log_level;
    uint32_t log_lines;
    bool allow_public; /* without keys, on an address that is not this machine's own */
    bool ops_public;   /* the operator's port, too */
    uint32_t drain_delay_ms, drain_timeout_ms;
};

enum setting_type { SETTING_U32, SETTING_U64, SETTING_INT, SETTING_F64, SETTING_TEXT, SETTING_CHOICE, SETTING_FLAG };

/* A row of config.def. */
struct setting {
    enum setting_type type;
    const char *name, *built_in; /* built_in NULL: the room's own default */
    size_t offset;               /* in struct settings */
    double least, most;
    const char *unit, *what;
};
extern const struct setting config_settings[];
extern const size_t config_settings_count;

enum config_outcome { CONFIG_READY, CONFIG_HELP, CONFIG_WRONG };

/* argv[0] is skipped. CONFIG_WRONG: `ret_problem` (of `size` bytes) says what and how to write it. Strings of argv and
 * the environment are kept by address. */
enum config_outcome config_read(struct settings *s, int argc, char **argv, char *ret_problem, size_t size);

/* The next variable SINTER_... of the environment that is no setting, up to its value (`ret_n` characters); NULL: there
 * is no more. *at begins with 0. */
const char *config_stray(size_t *at, int *ret_n);

/* One line a setting with its value in `s`. */
void config_print_help(FILE *to, const struct settings *s);
/* Its value in `s` as one would write it. */
void config_print_value(const struct settings *s, const struct setting *row, char *text, size_t size);

#endif
