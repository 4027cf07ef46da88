/* labels: http */
/* Heads that a server behind a proxy must refuse, and neighbours of theirs that it must take. */
#include "tests/support.h"

#include <string.h>

#include "server/header_check.h"
#include "server/uri.h"

enum { FIELDS_MAX = 8 };

struct case_of_fields {
    const char *what, *version;
    struct {
        const char *name, *value;
    } fields[FIELDS_MAX];
    enum status expected;
    int64_t length;
    bool chunked;
};

#define OK STATUS_OK
#define BAD STATUS_BAD_REQUEST

static const struct case_of_fields field_cases[] = {
    {"a plain GET", "HTTP/1.1", {{"Host", "a"}}, OK, -1, false},
    {"a host with port", "HTTP/1.1", {{"host", "[::1]:8080"}}, OK, -1, false},
    {"an empty Host", "HTTP/1.1", {{"Host", ""}}, OK, -1, false},
    {"a length", "HTTP/1.1", {{"Host", "a"}, {"content-LENGTH", "12"}}, OK, 12, false},
    {"the largest length",
     "HTTP/1.1",
     {{"Host", "a"}, {"Content-Length", "999999999999999999"}},
     OK,
     999999999999999999,
     false},
    {"chunks", "HTTP/1.1", {{"Host", "a"}, {"Transfer-Encoding", "Chunked"}}, OK, -1, true},
    {"tabs and 8-bit bytes in a value", "HTTP/1.1", {{"Host", "a"}, {"X", "a\tb\xc3\xa4"}}, OK, -1, false},
    {"an empty value", "HTTP/1.1", {{"Host", "a"}, {"X", ""}}, OK, -1, false},
    {"HTTP/1.0 without Host", "HTTP/1.0", {{"X", "y"}}, OK, -1, false},

    {"no Host", "HTTP/1.1", {{"X", "y"}}, BAD, 0, false},
    {"two Hosts", "HTTP/1.1", {{"Host", "a"}, {"HOST", "a"}}, BAD, 0, false},
    {"two Hosts in HTTP/1.0", "HTTP/1.0", {{"Host", "a"}, {"Host", "b"}}, BAD, 0, false},
    {"a Host with a space", "HTTP/1.1", {{"Host", "a b"}}, BAD, 0, false},
    {"a Host with a path", "HTTP/1.1", {{"Host", "a/b"}}, BAD, 0, false},
    {"a Host with user", "HTTP/1.1", {{"Host", "u@a"}}, BAD, 0, false},
    {"a space before the colon", "HTTP/1.1", {{"Host", "a"}, {"Content-Length ", "5"}}, BAD, 0, false},
    {"a tab before the colon", "HTTP/1.1", {{"Host", "a"}, {"X\t", "5"}}, BAD, 0, false},
    {"an empty name", "HTTP/1.1", {{"Host", "a"}, {"", "5"}}, BAD, 0, false},
    {"an 8-bit byte in a name", "HTTP/1.1", {{"Host", "a"}, {"X\xc3", "5"}}, BAD, 0, false},
    {"a parenthesis in a name", "HTTP/1.1", {{"Host", "a"}, {"X(", "5"}}, BAD, 0, false},
    {"a control byte in a value", "HTTP/1.1", {{"Host", "a"}, {"X", "a\x01"}}, BAD, 0, false},
    {"a lone CR in a value", "HTTP/1.1", {{"Host", "a"}, {"X", "a\rY: b"}}, BAD, 0, false},
    {"a DEL in a value", "HTTP/1.1", {{"Host", "a"}, {"X", "\x7f"}}, BAD, 0, false},
    {"length and chunks",
     "HTTP/1.1",
     {{"Host", "a"}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
     BAD,
     0,
     false},
    {"chunks and length",
     "HTTP/1.1",
     {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}},
     BAD,
     0,
     false},
    {"two lengths that differ",
     "HTTP/1.1",
     {{"Host", "a"}, {"Content-Length", "5"}, {"Content-Length", "6"}},
     BAD,
     0,
     false},
    {"two lengths that agree",
     "HTTP/1.1",
     {{"Host", "a"}, {"Content-Length", "5"}, {"Content-Length", "5"}},
     BAD,
     0,
     false},
    {"a list of lengths", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "5, 5"}}, BAD, 0, false},
    {"a negative length", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "-5"}}, BAD, 0, false},
    {"a length with plus", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "+5"}}, BAD, 0, false},
    {"a length in hexadecimal", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "0x5"}}, BAD, 0, false},
    {"a coding with a space behind", "HTTP/1.1", {{"Host", "a"}, {"Transfer-Encoding", "chunked "}}, BAD, 0, false},
    {"a Host with blanks behind", "HTTP/1.1", {{"Host", "a:80 \t "}}, OK, -1, false},
    {"a Host of blanks", "HTTP/1.1", {{"Host", " \t"}}, OK, -1, false},
    {"a Host with a blank inside", "HTTP/1.1", {{"Host", "a b"}}, BAD, 0, false},
    {"a length with a space behind", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "5 "}}, BAD, 0, false},
    {"an empty length", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", ""}}, BAD, 0, false},
    {"a length that overflows", "HTTP/1.1", {{"Host", "a"}, {"Content-Length", "18446744073709551621"}}, BAD, 0, false},
    {"an unknown coding", "HTTP/1.1", {{"Host", "a"}, {"Transfer-Encoding", "gzip"}}, BAD, 0, false},
    {"two codings",
     "HTTP/1.1",
     {{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}},
     STATUS_NOT_IMPLEMENTED,
     0,
     false},
    {"a coding with a tab", "HTTP/1.1", {{"Host", "a"}, {"Transfer-Encoding", "\vchunked"}}, BAD, 0, false},
    {"chunked twice",
     "HTTP/1.1",
     {{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
     BAD,
     0,
     false},
    {"an empty coding", "HTTP/1.1", {{"Host", "a"}, {"Transfer-Encoding", ""}}, BAD, 0, false},
    {"chunks in HTTP/1.0", "HTTP/1.0", {{"Transfer-Encoding", "chunked"}}, BAD, 0, false},
};

static void fields_are_judged_by_rfc_9112(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof field_cases / sizeof field_cases[0]; i++) {
        const struct case_of_fields *c = &field_cases[i];
        struct header_field fields[FIELDS_MAX];
        struct header_list list = {fields, 0};
        struct header_facts facts = {0};
        const char *detail = NULL;
        for (; list.n < FIELDS_MAX && c->fields[list.n].name; list.n++)
            fields[list.n] = (struct header_field){c->fields[list.n].name, c->fields[list.n].value,
                                                   strlen(c->fields[list.n].name), strlen(c->fields[list.n].value)};
        enum status got = header_check_fields(c->version, &list, &facts, &detail);
        if (got != c->expected || (got != STATUS_OK && !detail))
            fail_msg("%s: status %d, expected %d (%s)", c->what, (int)got, (int)c->expected, detail ? detail : "");
        if (got == STATUS_OK && (facts.content_length != c->length || facts.chunked != c->chunked))
            fail_msg("%s: length %lld, chunked %d", c->what, (long long)facts.content_length, facts.chunked);
    }
}

static void expect_continue_is_seen(void **state)
{
    (void)state;
    struct header_field fields[] = {{"Host", "a", 4, 1}, {"Expect", "100-Continue", 6, 12}};
    struct header_list list = {fields, 2};
    struct header_facts facts = {0};
    const char *detail;
    assert_int_equal(header_check_fields("HTTP/1.1", &list, &facts, &detail), STATUS_OK);
    assert_true(facts.expects_continue);
}

static void targets_are_judged_before_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum status expected;
    } cases[] = {
        {"/", OK},      {"/a?b=c&d=%20+x", OK}, {"http://h/a", OK}, {"*", OK},      {"/%41%ff", OK},
        {"", BAD},      {"/a b", BAD},          {"/a\tb", BAD},     {"/\x01", BAD}, {"/\x7f", BAD},
        {"/\xc3", BAD}, {"/%00", BAD},          {"/a?b=%00", BAD},  {"/%", BAD},    {"/%4", BAD},
        {"/%4g", BAD},  {"/a#b", BAD},          {"/#", BAD},        {"/%g4", BAD},  {"/%%41", BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *detail = NULL;
        if (header_check_target(cases[i].target, &detail) != cases[i].expected)
            fail_msg("%s", cases[i].target);
    }
}

static void targets_have_one_of_three_forms(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        enum status expected;
    } cases[] = {
        {"GET", "/", OK},
        {"GET", "//a", OK},
        {"GET", "http://a", OK},
        {"GET", "HTTPS://a:443/b?c", OK},
        {"GET", "http://[::1]:80?a", OK},
        {"OPTIONS", "*", OK},
        {"GET", "*", BAD},
        {"OPTIONS", "*a", BAD},
        {"CONNECT", "a:80", BAD},
        {"GET", "a", BAD},
        {"GET", "http:/a", BAD},
        {"GET", "http://", BAD},
        {"GET", "http:///a", BAD},
        {"GET", "http://:80/a", BAD},
        {"GET", "http://a@b/", BAD},
        {"GET", "http://a:b/", BAD},
        {"GET", "http://[::1/", BAD},
        {"GET", "http://[a]/", BAD},
        {"GET", "ftp://a/", BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *detail = NULL;
        if (header_check_form(cases[i].method, cases[i].target, &detail) != cases[i].expected)
            fail_msg("%s %s", cases[i].method, cases[i].target);
    }
}

static void methods_are_tokens(void **state)
{
    (void)state;
    const char *detail = NULL;
    assert_int_equal(header_check_method("GET", &detail), STATUS_OK);
    assert_int_equal(header_check_method("M-SEARCH", &detail), STATUS_OK);
    assert_int_equal(header_check_method("G\x01T", &detail), BAD);
    assert_int_equal(header_check_method("", &detail), BAD);
}

/* Leaves a head as the library does: separators become NUL, a value starts behind its blanks and ends at its first NUL.
 */
struct parsed {
    char bytes[256];
    struct header_head head;
    struct header_field fields[FIELDS_MAX];
    struct header_list list;
};

static char *end_line(char *line, char *end)
{
    char *feed = memchr(line, '\n', (size_t)(end - line));
    assert_non_null(feed);
    *feed = 0;
    if (feed > line && feed[-1] == '\r')
        feed[-1] = 0;
    return feed + 1;
}

static void parse(struct parsed *p, const char *raw, size_t n)
{
    char *end = p->bytes + n, *line = p->bytes, *next;
    memcpy(p->bytes, raw, n);
    next = end_line(line, end);
    p->list = (struct header_list){p->fields, 0};
    char *target = strchr(line, ' ');
    *target++ = 0;
    while (*target == ' ')
        target++;
    /* The version is looked for from the line's end. */
    char *version = next - 1;
    while (version > target && *version != ' ')
        version--;
    *version++ = 0;
    p->head = (struct header_head){line, target, version, strlen(target), n};
    for (line = next; *(next = end_line(line, end), line); line = next) {
        char *value = strchr(line, ':');
        assert_non_null(value);
        *value++ = 0;
        value += strspn(value, " \t");
        p->fields[p->list.n++] = (struct header_field){line, value, strlen(line), strlen(value)};
    }
}

static void bytes_that_the_library_swallowed_show_in_the_layout(void **state)
{
    (void)state;
#define RAW(text) text, sizeof text - 1
    static const struct {
        const char *what, *raw;
        size_t n;
        enum status expected;
    } cases[] = {
        {"plain", RAW("GET /a HTTP/1.1\r\nHost: a\r\nX:b\r\nY: \r\n\r\n"), OK},
        {"no fields", RAW("GET /a HTTP/1.0\r\n\r\n"), OK},
        {"blanks before a value", RAW("GET /a HTTP/1.1\r\nHost: \t a\r\n\r\n"), OK},
        {"a NUL inside a value", RAW("GET /a HTTP/1.1\r\nHost: a\0b\r\n\r\n"), BAD},
        {"a NUL at a value's end", RAW("GET /a HTTP/1.1\r\nHost: a\0\r\nX: y\r\n\r\n"), BAD},
        {"a NUL in the target", RAW("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
        {"two spaces", RAW("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n"), BAD},
        {"a bare line feed behind a field", RAW("GET /a HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"), BAD},
        {"a bare line feed behind the request line", RAW("GET /a HTTP/1.1\nHost: a\r\n\r\n"), BAD},
        {"a bare line feed at the end", RAW("GET /a HTTP/1.1\r\nHost: a\r\n\n"), BAD},
    };
#undef RAW
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p;
        const char *detail = NULL;
        parse(&p, cases[i].raw, cases[i].n);
        if (header_check_layout(&p.head, &p.list, &detail) != cases[i].expected)
            fail_msg("%s", cases[i].what);
    }
}

static void a_folded_field_lies_outside_its_place(void **state)
{
    (void)state;
    static const char raw[] = "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n";
    struct parsed p;
    char copy[] = "X\0bc";
    const char *detail = NULL;
    parse(&p, raw, sizeof raw - 1);
    /* The library joins folded lines in a copy elsewhere in its memory; the value keeps its old place. */
    p.fields[1] = (struct header_field){copy, p.fields[1].value, 1, 1};
    assert_int_equal(header_check_layout(&p.head, &p.list, &detail), BAD);
}

static void uris_are_taken_apart(void **state)
{
    (void)state;
    struct uri u = {0};
    static const char target[] = "http://h:1/a%2Fb+c?x=1%262&y&&z=a+b%2B&x=2";
    assert_null(uri_parse(&u, target, sizeof target - 1, 10));
    assert_string_equal(u.path, "/a/b+c");
    assert_int_equal(u.n_pairs, 4);
    assert_string_equal(uri_query(&u, "x"), "1&2");
    assert_string_equal(uri_query(&u, "y"), "");
    assert_string_equal(uri_query(&u, "z"), "a b+");
    assert_null(uri_query(&u, "w"));
    assert_null(uri_parse(&u, "http://h", 8, 10));
    assert_string_equal(u.path, "/");
    assert_int_equal(u.n_pairs, 0);
    assert_null(uri_parse(&u, "/?a&b&c&&d", 10, 2));
    assert_int_equal(u.n_pairs, 2);
    assert_int_equal(u.n_asked, 4);
    assert_non_null(uri_parse(&u, "/%0a", 4, 2));
    assert_non_null(uri_parse(&u, "a/b", 3, 2));
    assert_non_null(uri_parse(&u, "?a=b", 4, 2));
    assert_null(uri_parse(&u, "*", 1, 2));
    uri_done(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_judged_by_rfc_9112),
        cmocka_unit_test(expect_continue_is_seen),
        cmocka_unit_test(targets_are_judged_before_decoding),
        cmocka_unit_test(targets_have_one_of_three_forms),
        cmocka_unit_test(methods_are_tokens),
        cmocka_unit_test(bytes_that_the_library_swallowed_show_in_the_layout),
        cmocka_unit_test(a_folded_field_lies_outside_its_place),
        cmocka_unit_test(uris_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
