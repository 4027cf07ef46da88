/* See config.h. The type column is held against the member's C type when this file is compiled. */
#include "server/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

#define ROOM NULL
#define CORES "cores"
#define MEMORY "memory"
#define HALF_THE_CORES "half the cores"

#define MEMBER(member) ((struct settings *)0)->member
#define IS_U32(member) _Generic(MEMBER(member), uint32_t : 1, default : 0)
#define IS_U64(member) _Generic(MEMBER(member), uint64_t : 1, default : 0)
#define IS_INT(member) _Generic(MEMBER(member), int : 1, default : 0)
#define IS_F64(member) _Generic(MEMBER(member), double : 1, default : 0)
#define IS_TEXT(member) _Generic(MEMBER(member), const char * : 1, default : 0)
#define IS_FLAG(member) _Generic(MEMBER(member), bool : 1, default : 0)
#define IS_CHOICE(member) (sizeof(MEMBER(member)) == sizeof(unsigned))
#define SETTING(type, name, member, built_in, least, most, unit, what)                                                 \
    static_assert(IS_##type(member), "config.def: the type of " name " is not that of its member");
#include "server/config.def"
#undef SETTING

const struct setting config_settings[] = {
#define SETTING(type, name, member, built_in, least, most, unit, what)                                                 \
    {SETTING_##type, name, built_in, offsetof(struct settings, member), (double)(least), (double)(most), unit, what},
#include "server/config.def"
#undef SETTING
};
const size_t config_settings_count = sizeof config_settings / sizeof config_settings[0];

struct complaint {
    char *text;
    size_t size;
};

static void *member_of(struct settings *s, const struct setting *row)
{
    return (char *)s + row->offset;
}

static const void *member_of_const(const struct settings *s, const struct setting *row)
{
    return (const char *)s + row->offset;
}

static int cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

static uint64_t number_in(const char *path)
{
    unsigned long long n = UINT64_MAX; /* "max" is none */
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%llu", &n) != 1)
        n = UINT64_MAX;
    if (f)
        fclose(f);
    return n;
}

/* Of the control group this runs in, as a container sees itself (at the root) or a unit (at its path), or UINT64_MAX.
 */
static uint64_t memory_allowed(void)
{
    char line[512], path[600];
    uint64_t least = number_in("/sys/fs/cgroup/memory.max"),
             older = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
        uint64_t own = number_in(path);
        least = own < least ? own : least;
    }
    if (f)
        fclose(f);
    return older < least ? older : least;
}

static uint64_t half_of_memory(void)
{
    uint64_t have = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), may = memory_allowed();
    return (may < have ? may : have) / 2;
}

static const char *built_in_text(const struct setting *row, char *text, size_t size)
{
    if (row->built_in && !strcmp(row->built_in, CORES))
        snprintf(text, size, "%d", cores());
    else if (row->built_in && !strcmp(row->built_in, HALF_THE_CORES))
        snprintf(text, size, "%d", (cores() + 1) / 2);
    else if (row->built_in && !strcmp(row->built_in, MEMORY))
        snprintf(text, size, "%llu", (unsigned long long)half_of_memory());
    else
        return row->built_in;
    return text;
}

/* Index of `value` among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (int i = 0;; i++) {
        size_t width = strcspn(choices, "|");
        if (width == n && !strncmp(choices, value, n))
            return i;
        if (!choices[width])
            return -1;
        choices += width + 1;
    }
}

static void choice_name(const char *choices, int index, char *text, size_t size)
{
    for (; index > 0 && *choices; index--)
        choices += strcspn(choices, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

static bool takes_suffix(const struct setting *row)
{
    return !strncmp(row->unit, "bytes", 5);
}

/* A whole decimal number within the row's bounds; U64 does not go through double. */
static bool read_whole(const struct setting *row, const char *value, uint64_t *ret)
{
    char *end;
    if (!isdigit((unsigned char)*value))
        return false;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    const char *suffixes = "KMGT",
               *suffix = *end && takes_suffix(row) ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix) {
        int shift = 10 * (int)(suffix - suffixes + 1);
        if (n > UINT64_MAX >> shift)
            return false;
        n <<= shift;
        end++;
    }
    *ret = n;
    return !*end && !errno && (double)n >= row->least && (double)n <= row->most;
}

static bool set_number(struct settings *s, const struct setting *row, const char *value)
{
    uint64_t n = 0;
    if (row->type == SETTING_F64) {
        char *end;
        double d = strtod(value, &end);
        if (end == value || *end || !(d >= row->least && d <= row->most))
            return false;
        *(double *)member_of(s, row) = d;
        return true;
    }
    if (!read_whole(row, value, &n))
        return false;
    switch (row->type) {
    case SETTING_U32:
        *(uint32_t *)member_of(s, row) = (uint32_t)n;
        return n <= UINT32_MAX;
    case SETTING_U64:
        *(uint64_t *)member_of(s, row) = n;
        return true;
    case SETTING_INT:
        *(int *)member_of(s, row) = (int)n;
        return true;
    default:
        *(bool *)member_of(s, row) = n != 0;
        return true;
    }
}

static bool set_value(struct settings *s, const struct setting *row, const char *value)
{
    if (row->type == SETTING_TEXT) {
        *(const char **)member_of(s, row) = value;
        return *value != 0;
    }
    if (row->type == SETTING_CHOICE) {
        int index = choice_index(row->unit, value);
        if (index >= 0)
            *(unsigned *)member_of(s, row) = (unsigned)index;
        return index >= 0;
    }
    return set_number(s, row, value);
}

static bool set_or_complain(struct settings *s, const struct setting *row, const char *value, const char *from,
                            struct complaint *complaint)
{
    if (set_value(s, row, value))
        return true;
    if (row->type == SETTING_CHOICE)
        snprintf(complaint->text, complaint->size, "%s%s: \"%.100s\" is none of %s", from, row->name, value, row->unit);
    else if (row->type == SETTING_TEXT)
        snprintf(complaint->text, complaint->size, "%s%s: a value (%s) is needed", from, row->name, row->unit);
    else
        snprintf(complaint->text, complaint->size, "%s%s: \"%.100s\" is not a number (%s) from %.15g to %.15g", from,
                 row->name, value, row->unit, row->least, row->most);
    return false;
}

static void set_built_in(struct settings *s)
{
    *s = (struct settings){.api = api_config_default(), .engine = engine_config_default()};
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        char n[24];
        const char *value = built_in_text(row, n, sizeof n);
        bool fine = !value || set_value(s, row, value);
        assert(fine);
        (void)fine;
    }
}

static void environment_name(const struct setting *row, char text[NAME_SIZE])
{
    int n = snprintf(text, NAME_SIZE, "SINTER_%s", row->name);
    for (int i = 0; i < n; i++)
        text[i] = text[i] == '-' ? '_' : (char)toupper((unsigned char)text[i]);
}

static bool read_environment(struct settings *s, struct complaint *complaint)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        char name[NAME_SIZE];
        environment_name(&config_settings[i], name);
        const char *value = getenv(name);
        if (value && !set_or_complain(s, &config_settings[i], value, "SINTER_ environment, ", complaint))
            return false;
    }
    return true;
}

static bool is_setting(const char *variable, size_t n)
{
    for (size_t i = 0; i < config_settings_count; i++) {
        char name[NAME_SIZE];
        environment_name(&config_settings[i], name);
        if (strlen(name) == n && !memcmp(name, variable, n))
            return true;
    }
    return false;
}

const char *config_stray(size_t *at, int *ret_n)
{
    while (environ && environ[*at]) {
        const char *variable = environ[(*at)++];
        size_t n = strcspn(variable, "=");
        if (strncmp(variable, "SINTER_", 7) != 0 || n > INT_MAX || is_setting(variable, n))
            continue;
        *ret_n = (int)n;
        return variable;
    }
    return NULL;
}

static const struct setting *row_by_name(const char *name, size_t n)
{
    for (size_t i = 0; i < config_settings_count; i++)
        if (strlen(config_settings[i].name) == n && !strncmp(config_settings[i].name, name, n))
            return &config_settings[i];
    return NULL;
}

static void complain_unknown(const char *argument, struct complaint *complaint)
{
    const char *names[sizeof config_settings / sizeof config_settings[0] + 1] = {0};
    for (size_t i = 0; i < config_settings_count; i++)
        names[i] = config_settings[i].name;
    const char *near = !strncmp(argument, "--", 2) ? nearest_name(argument + 2, names) : NULL;
    snprintf(complaint->text, complaint->size, "unknown option \"%.100s\"%s%s%s; `sinter serve --help` lists all",
             argument, near ? ", did you mean --" : "", near ? near : "", near ? "?" : "");
}

static enum config_outcome read_arguments(struct settings *s, int argc, char **argv, struct complaint *complaint)
{
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (!strcmp(argument, "--help") || !strcmp(argument, "-h"))
            return CONFIG_HELP;
        size_t n = !strncmp(argument, "--", 2) ? strcspn(argument + 2, "=") : 0;
        const struct setting *row = n ? row_by_name(argument + 2, n) : NULL;
        if (!row) {
            complain_unknown(argument, complaint);
            return CONFIG_WRONG;
        }
        bool joined = argument[2 + n] == '=';
        const char *value = joined ? argument + 3 + n : i + 1 < argc ? argv[++i] : "";
        if (!set_or_complain(s, row, value, "--", complaint))
            return CONFIG_WRONG;
    }
    return CONFIG_READY;
}

enum config_outcome config_read(struct settings *s, int argc, char **argv, char *ret_problem, size_t size)
{
    struct complaint complaint = {ret_problem, size};
    set_built_in(s);
    if (!read_environment(s, &complaint))
        return CONFIG_WRONG;
    enum config_outcome outcome = read_arguments(s, argc, argv, &complaint);
    if (outcome != CONFIG_READY)
        return outcome;
    if (!target_runs_here(s->engine.target)) {
        snprintf(ret_problem, size, "target: this CPU does not run %s", target_name(s->engine.target));
        return CONFIG_WRONG;
    }
    if (!interp_isa_available(s->engine.isa)) {
        snprintf(ret_problem, size, "interp-isa: this CPU does not run it");
        return CONFIG_WRONG;
    }
    if (!strcmp(s->store, "none"))
        s->store = NULL;
    s->api.store_dir = s->engine.store_dir = s->store;
    s->http.max_body = s->api.max_body;
    s->http.upload_above = s->api.upload_above;
    s->http.max_upload = s->api.max_upload;
    return CONFIG_READY;
}

void config_print_value(const struct settings *s, const struct setting *row, char *text, size_t size)
{
    const void *at = member_of_const(s, row);
    switch (row->type) {
    case SETTING_U32:
        snprintf(text, size, "%u", *(const uint32_t *)at);
        break;
    case SETTING_U64:
        snprintf(text, size, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case SETTING_INT:
        snprintf(text, size, "%d", *(const int *)at);
        break;
    case SETTING_F64:
        snprintf(text, size, "%.10g", *(const double *)at);
        break;
    case SETTING_TEXT:
        snprintf(text, size, "%s", *(const char *const *)at ? *(const char *const *)at : "");
        break;
    case SETTING_CHOICE:
        choice_name(row->unit, (int)*(const unsigned *)at, text, size);
        break;
    case SETTING_FLAG:
        snprintf(text, size, "%d", *(const bool *)at);
        break;
    }
}

void config_print_help(FILE *to, const struct settings *s)
{
    fprintf(to, "usage: sinter serve [--NAME VALUE | --NAME=VALUE ...]\n\n"
                "Each setting can also stand in the environment as SINTER_NAME (upper case, _ for -);\n"
                "the command line wins. Bytes take K, M, G, T. The value behind each name is the one in force.\n\n");
    for (size_t i = 0; i < config_settings_count; i++) {
        const struct setting *row = &config_settings[i];
        char value[256];
        config_print_value(s, row, value, sizeof value);
        fprintf(to, "  --%-20s %-16s %s (%s)\n", row->name, value, row->what, row->unit);
    }
}
