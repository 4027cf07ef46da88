/* labels: http */
/* Requests after RFC 9110 and 9112, byte by byte: what must be answered, what must be refused, when the connection must
 * end, and that nothing behind a refused request is ever taken for one. */
#include "tests/support.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/raw.h"
#include "tests/support/server_child.h"

#define CR "\r\n"
#define HOST "Host: a" CR
#define LINE "GET /livez HTTP/1.1" CR
#define GET(fields) LINE HOST fields CR
#define POST(fields, body) "POST /graphs HTTP/1.1" CR HOST "Content-Type: application/json" CR fields CR body
#define CHUNKED(chunks) POST("Transfer-Encoding: chunked" CR, chunks)
#define CHUNKED_BY(coding, chunks) POST("Transfer-Encoding: " coding CR, chunks)
#define RAW(text) text, sizeof text - 1

/* OPEN: the next request is answered. CLOSED: the server ends the connection. EITHER is allowed. WAITS: for more; no
 * answer yet. */
enum then { OPEN, CLOSED, EITHER, WAITS };

static const struct http_case {
    const char *what, *bytes;
    size_t n;
    int status, or_status; /* 0: no answer at all */
    enum then then;
} cases[] = {
    /* RFC 9112, 2.2: lines */
    {"a plain request", RAW(GET("")), 200, 0, OPEN},
    {"an empty line before it", RAW(CR GET("")), 200, 0, OPEN},
    {"bare line feeds", RAW("GET /livez HTTP/1.1\nHost: a\n\n"), 400, 200, EITHER},
    {"a bare line feed among fields", RAW(GET("X: a\nY: b" CR)), 400, 0, CLOSED},
    {"a bare line feed at the end", RAW(LINE HOST "\n"), 400, 0, CLOSED},
    {"a bare CR in a value", RAW(GET("X: a\rb" CR)), 400, 0, CLOSED},
    {"a bare CR before a name", RAW(GET("\rX: a" CR)), 400, 0, CLOSED},
    {"a bare CR in the request line", RAW("GET /livez\rx HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a bare CR between CR LFs", RAW(LINE HOST "\r\r\n" CR), 400, 0, CLOSED},
    {"blanks before the first field", RAW(LINE " " HOST CR), 400, 0, CLOSED},
    {"a tab before the first field", RAW(LINE "\t" HOST CR), 400, 0, CLOSED},
    {"not HTTP", RAW("hello" CR CR), 400, 0, CLOSED},
    {"TLS", RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xaa\r\n\r\n"), 400, 0, CLOSED},
    {"SSH", RAW("SSH-2.0-OpenSSH_9.2" CR CR), 400, 0, CLOSED},
    {"HTTP/2's preface", RAW("PRI * HTTP/2.0" CR CR "SM" CR CR), 505, 400, CLOSED},

    /* 3: the request line */
    {"two spaces behind the method", RAW("GET  /livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"two spaces before the version", RAW("GET /livez  HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a tab between", RAW("GET\t/livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a tab before the version", RAW("GET /livez\tHTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a blank behind the version", RAW("GET /livez HTTP/1.1 " CR HOST CR), 400, 505, CLOSED},
    {"a blank before the method", RAW(" GET /livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"no method", RAW("/livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"no target", RAW("GET HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"no version", RAW("GET /livez" CR CR), 400, 0, CLOSED},
    {"a version in lower case", RAW("GET /livez http/1.1" CR HOST CR), 400, 505, CLOSED},
    {"a version with text behind", RAW("GET /livez HTTP/1.1x" CR HOST CR), 400, 505, CLOSED},
    {"a version of three parts", RAW("GET /livez HTTP/1.1.1" CR HOST CR), 400, 505, CLOSED},
    {"a version without dot", RAW("GET /livez HTTP/11" CR HOST CR), 400, 505, CLOSED},
    {"a version of two digits", RAW("GET /livez HTTP/1.10" CR HOST CR), 400, 505, CLOSED},
    {"a version that is cut", RAW("GET /livez HTTP/1." CR HOST CR), 400, 505, CLOSED},
    {"another protocol", RAW("GET /livez HTTPS/1.1" CR HOST CR), 400, 505, CLOSED},
    {"HTTP/2.0", RAW("GET /livez HTTP/2.0" CR HOST CR), 505, 0, CLOSED},
    {"HTTP/0.9", RAW("GET /livez HTTP/0.9" CR HOST CR), 505, 400, CLOSED},
    {"HTTP/3.0", RAW("GET /livez HTTP/3.0" CR HOST CR), 505, 0, CLOSED},
    {"a later HTTP/1", RAW("GET /livez HTTP/1.2" CR HOST CR), 200, 505, EITHER},
    {"a method that is none", RAW("G(T /livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a method with an 8-bit byte", RAW("G\xc3T /livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a method with a NUL", RAW("GET\0 /livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a method in lower case", RAW("get /livez HTTP/1.1" CR HOST CR), 405, 501, OPEN},
    {"an unknown method", RAW("BREW /livez HTTP/1.1" CR HOST CR), 405, 501, OPEN},
    {"TRACE", RAW("TRACE /livez HTTP/1.1" CR HOST CR), 405, 501, OPEN},
    {"CONNECT", RAW("CONNECT a:80 HTTP/1.1" CR HOST CR), 405, 400, EITHER},

    /* 3.2: the target */
    {"a query", RAW("GET /livez?a=b&c HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"the absolute form", RAW("GET http://a/livez HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"the absolute form, another Host", RAW("GET http://b/livez HTTP/1.1" CR HOST CR), 200, 400, EITHER},
    {"the absolute form in upper case", RAW("GET HTTP://A:80/livez HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"the absolute form without Host", RAW("GET http://a/livez HTTP/1.1" CR CR), 400, 0, CLOSED},
    {"the absolute form without path", RAW("GET http://a HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"the absolute form without host", RAW("GET http:///livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"the absolute form with a user", RAW("GET http://u@a/livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"the absolute form with a wrong port", RAW("GET http://a:x/livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"another scheme", RAW("GET ftp://a/livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a relative path", RAW("GET livez HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"the authority form of GET", RAW("GET a:80 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"the asterisk form of GET", RAW("GET * HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"the asterisk form of OPTIONS", RAW("OPTIONS * HTTP/1.1" CR HOST CR), 204, 405, OPEN},
    {"a fragment", RAW("GET /livez#x HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"%00", RAW("GET /livez%00 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"%00 in the query", RAW("GET /livez?a=%00 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"half an escape", RAW("GET /livez%4 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"an escape that is none", RAW("GET /livez%4g HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"an escaped line end", RAW("GET /livez%0d%0aX:%20y HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"an escaped letter", RAW("GET /%6civez HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"a path upwards", RAW("GET /../livez HTTP/1.1" CR HOST CR), 404, 400, EITHER},
    {"a doubled slash", RAW("GET //livez HTTP/1.1" CR HOST CR), 404, 400, EITHER},
    {"a NUL", RAW("GET /livez\0 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"an 8-bit byte", RAW("GET /\xc3\xa4 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a control byte", RAW("GET /\x01 HTTP/1.1" CR HOST CR), 400, 0, CLOSED},
    {"a DEL", RAW("GET /\x7f HTTP/1.1" CR HOST CR), 400, 0, CLOSED},

    /* 3.2 and 9110, 7.2: Host */
    {"no Host", RAW(LINE CR), 400, 0, CLOSED},
    {"no Host in HTTP/1.0", RAW("GET /livez HTTP/1.0" CR CR), 200, 0, CLOSED},
    {"two Hosts", RAW(GET(HOST)), 400, 0, CLOSED},
    {"two Hosts, another case", RAW(GET("hOsT: a" CR)), 400, 0, CLOSED},
    {"an empty Host", RAW(LINE "Host:" CR CR), 200, 0, OPEN},
    {"a Host with blanks around", RAW(LINE "Host: \t a:80 \t " CR CR), 200, 0, OPEN},
    {"a Host with a blank inside", RAW(LINE "Host: a b" CR CR), 400, 0, CLOSED},
    {"a Host with a port", RAW(LINE "Host: a:80" CR CR), 200, 0, OPEN},
    {"a Host with an empty port", RAW(LINE "Host: a:" CR CR), 200, 0, OPEN},
    {"an IPv6 Host", RAW(LINE "Host: [::1]:80" CR CR), 200, 0, OPEN},
    {"a Host with a wrong port", RAW(LINE "Host: a:8x" CR CR), 400, 0, CLOSED},
    {"a Host with two ports", RAW(LINE "Host: a:80:80" CR CR), 400, 0, CLOSED},
    {"a Host without name", RAW(LINE "Host: :80" CR CR), 400, 200, EITHER},
    {"a Host with an open bracket", RAW(LINE "Host: [::1" CR CR), 400, 0, CLOSED},
    {"a Host with text behind its bracket", RAW(LINE "Host: [::1]a" CR CR), 400, 0, CLOSED},
    {"a Host with a name in brackets", RAW(LINE "Host: [a.example]" CR CR), 400, 0, CLOSED},
    {"a Host with a user", RAW(LINE "Host: u@a" CR CR), 400, 0, CLOSED},
    {"a Host with a path", RAW(LINE "Host: a/b" CR CR), 400, 0, CLOSED},
    {"a Host with a list", RAW(LINE "Host: a, b" CR CR), 400, 0, CLOSED},
    {"a Host with a broken escape", RAW(LINE "Host: %4" CR CR), 400, 0, CLOSED},

    /* 5: fields */
    {"an empty value", RAW(GET("X:" CR)), 200, 0, OPEN},
    {"blanks around a value", RAW(GET("X: \t a \t " CR)), 200, 0, OPEN},
    {"no blank before a value", RAW(GET("X:a" CR)), 200, 0, OPEN},
    {"8-bit bytes in a value", RAW(GET("X: \xc3\xa4\xff" CR)), 200, 0, OPEN},
    {"every mark of a token in a name", RAW(GET("!#$%&'*+-.^_`|~09azAZ: a" CR)), 200, 0, OPEN},
    {"a space before the colon", RAW(GET("X : a" CR)), 400, 0, CLOSED},
    {"a tab before the colon", RAW(GET("X\t: a" CR)), 400, 0, CLOSED},
    {"a space in a name", RAW(GET("X Y: a" CR)), 400, 0, CLOSED},
    {"a mark that names do not have", RAW(GET("X@Y: a" CR)), 400, 0, CLOSED},
    {"an 8-bit byte in a name", RAW(GET("X\xc3: a" CR)), 400, 0, CLOSED},
    {"a NUL in a name", RAW(GET("X\0Y: a" CR)), 400, 0, CLOSED},
    {"no name", RAW(GET(": a" CR)), 400, 0, CLOSED},
    {"no colon", RAW(GET("hello" CR)), 400, 0, CLOSED},
    {"a folded value", RAW(GET("X: a" CR " b" CR)), 400, 0, CLOSED},
    {"a value folded by a tab", RAW(GET("X: a" CR "\tb" CR)), 400, 0, CLOSED},
    {"a folded value of blanks", RAW(GET("X: a" CR "  " CR)), 400, 0, CLOSED},
    {"a folded Content-Length", RAW(POST("Content-Length:" CR " 5" CR, "hello")), 400, 0, CLOSED},
    {"a folded Transfer-Encoding", RAW(POST("Transfer-Encoding:" CR " chunked" CR, "0" CR CR)), 400, 501, CLOSED},
    {"a NUL in a value", RAW(GET("X: a\0b" CR)), 400, 0, CLOSED},
    {"a control byte in a value", RAW(GET("X: \x01" CR)), 400, 0, CLOSED},
    {"a DEL in a value", RAW(GET("X: \x7f" CR)), 400, 0, CLOSED},
    {"a vertical tab in a value", RAW(GET("X: \v" CR)), 400, 0, CLOSED},

    /* 6.2: Content-Length */
    {"a body", RAW(POST("Content-Length: 5" CR, "hello")), 400, 0, OPEN},
    {"leading zeros", RAW(POST("Content-Length: 0000000005" CR, "hello")), 400, 0, OPEN},
    {"no body", RAW(POST("Content-Length: 0" CR, "")), 400, 411, OPEN},
    {"no length", RAW(POST("", "")), 411, 400, OPEN},
    {"a body of GET is read", RAW(GET("Content-Length: 5" CR) "hello"), 200, 400, OPEN},
    {"a body of GET with a request in it",
     RAW(GET("Content-Length: 44" CR) "GET /inner HTTP/1.1" CR HOST "X-Request-Id: in" CR CR), 200, 400, EITHER},
    {"two lengths that agree", RAW(POST("Content-Length: 5" CR "Content-Length: 5" CR, "hello")), 400, 0, CLOSED},
    {"two lengths that differ", RAW(POST("Content-Length: 5" CR "Content-Length: 0" CR, "hello")), 400, 0, CLOSED},
    {"a list of lengths", RAW(POST("Content-Length: 5, 5" CR, "hello")), 400, 0, CLOSED},
    {"a list of lengths that differ", RAW(POST("Content-Length: 5, 6" CR, "hello")), 400, 0, CLOSED},
    {"a length with a sign", RAW(POST("Content-Length: +5" CR, "hello")), 400, 0, CLOSED},
    {"a negative length", RAW(POST("Content-Length: -5" CR, "hello")), 400, 0, CLOSED},
    {"a length in hexadecimal", RAW(POST("Content-Length: 0x5" CR, "hello")), 400, 0, CLOSED},
    {"a length with a point", RAW(POST("Content-Length: 5.0" CR, "hello")), 400, 0, CLOSED},
    {"a length with an exponent", RAW(POST("Content-Length: 5e0" CR, "hello")), 400, 0, CLOSED},
    {"a length with text behind", RAW(POST("Content-Length: 5 5" CR, "hello")), 400, 0, CLOSED},
    {"an empty length", RAW(POST("Content-Length:" CR, "hello")), 400, 0, CLOSED},
    {"a length of words", RAW(POST("Content-Length: five" CR, "hello")), 400, 0, CLOSED},
    {"a length beyond 64 bits", RAW(POST("Content-Length: 18446744073709551621" CR, "hello")), 400, 413, CLOSED},
    {"a length beyond 128 bits", RAW(POST("Content-Length: 340282366920938463463374607431768211461" CR, "hello")), 400,
     413, CLOSED},
    {"a length beyond the limit", RAW(POST("Content-Length: 9223372036854775807" CR, "hello")), 413, 400, CLOSED},

    /* 6.1 and 6.3: Transfer-Encoding */
    {"chunks", RAW(CHUNKED("5" CR "hello" CR "0" CR CR)), 400, 0, OPEN},
    {"Chunked", RAW(POST("Transfer-Encoding: ChUnKeD" CR, "5" CR "hello" CR "0" CR CR)), 400, 0, OPEN},
    {"chunked and a length", RAW(POST("Transfer-Encoding: chunked" CR "Content-Length: 5" CR, "0" CR CR)), 400, 0,
     CLOSED},
    {"a length and chunked", RAW(POST("Content-Length: 5" CR "Transfer-Encoding: chunked" CR, "0" CR CR)), 400, 0,
     CLOSED},
    {"chunked with a length of 0",
     RAW(POST("Content-Length: 0" CR "Transfer-Encoding: chunked" CR, "5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"another coding alone", RAW(POST("Transfer-Encoding: gzip" CR, "hello")), 400, 0, CLOSED},
    {"identity", RAW(POST("Transfer-Encoding: identity" CR, "hello")), 400, 0, CLOSED},
    {"another coding last", RAW(POST("Transfer-Encoding: chunked, gzip" CR, "0" CR CR)), 400, 0, CLOSED},
    {"another coding last, in a line of its own",
     RAW(POST("Transfer-Encoding: chunked" CR "Transfer-Encoding: gzip" CR, "0" CR CR)), 400, 0, CLOSED},
    {"another coding first", RAW(POST("Transfer-Encoding: gzip, chunked" CR, "0" CR CR)), 501, 0, CLOSED},
    {"chunked twice", RAW(POST("Transfer-Encoding: chunked, chunked" CR, "0" CR CR)), 400, 0, CLOSED},
    {"chunked twice, in two lines",
     RAW(POST("Transfer-Encoding: chunked" CR "Transfer-Encoding: chunked" CR, "0" CR CR)), 400, 0, CLOSED},
    {"chunked with blanks behind", RAW(CHUNKED_BY("chunked \t", "0" CR CR)), 400, 0, CLOSED},
    {"a length with blanks behind", RAW(POST("Content-Length: 5 " CR, "hello")), 400, 0, EITHER},
    {"chunked with a parameter", RAW(POST("Transfer-Encoding: chunked;q=1" CR, "0" CR CR)), 400, 501, CLOSED},
    {"chunked in quotes", RAW(POST("Transfer-Encoding: \"chunked\"" CR, "0" CR CR)), 400, 501, CLOSED},
    {"xchunked", RAW(POST("Transfer-Encoding: xchunked" CR, "0" CR CR)), 400, 501, CLOSED},
    {"chunked behind a vertical tab", RAW(POST("Transfer-Encoding: \vchunked" CR, "0" CR CR)), 400, 0, CLOSED},
    {"chunked behind a NUL", RAW(POST("Transfer-Encoding: chunked\0" CR, "0" CR CR)), 400, 0, CLOSED},
    {"an empty coding", RAW(POST("Transfer-Encoding:" CR, "0" CR CR)), 400, 0, CLOSED},
    {"a comma alone", RAW(POST("Transfer-Encoding: ," CR, "0" CR CR)), 400, 501, CLOSED},
    {"a blank before the colon", RAW(POST("Transfer-Encoding : chunked" CR, "0" CR CR)), 400, 0, CLOSED},
    {"chunks in HTTP/1.0", RAW("POST /graphs HTTP/1.0" CR HOST "Transfer-Encoding: chunked" CR CR "0" CR CR), 400, 0,
     CLOSED},
    {"chunks of GET are read", RAW(GET("Transfer-Encoding: chunked" CR) "5" CR "hello" CR "0" CR CR), 200, 400, OPEN},

    /* 7.1: chunks */
    {"an extension", RAW(CHUNKED("5;a=b" CR "hello" CR "0" CR CR)), 400, 0, OPEN},
    {"an extension in quotes", RAW(CHUNKED("5;a=\"b;c\"" CR "hello" CR "0;d" CR CR)), 400, 0, OPEN},
    {"leading zeros of a chunk", RAW(CHUNKED("0005" CR "hello" CR "000" CR CR)), 400, 0, OPEN},
    {"upper and lower hexadecimal", RAW(CHUNKED("a" CR "0123456789" CR "A" CR "0123456789" CR "0" CR CR)), 400, 0,
     OPEN},
    {"trailers", RAW(CHUNKED("5" CR "hello" CR "0" CR "X: y" CR "Z:" CR CR)), 400, 0, OPEN},
    {"a trailer that would be a length", RAW(CHUNKED("5" CR "hello" CR "0" CR "Content-Length: 50" CR CR)), 400, 0,
     EITHER},
    {"a chunk with a sign", RAW(CHUNKED("+5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a negative chunk", RAW(CHUNKED("-5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk with 0x", RAW(CHUNKED("0x5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk without size", RAW(CHUNKED(CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk of words", RAW(CHUNKED("hello" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk with an underscore", RAW(CHUNKED("0_5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a blank before a chunk's size", RAW(CHUNKED(" 5" CR "hello" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk beyond 64 bits", RAW(CHUNKED("10000000000000005" CR "hello" CR "0" CR CR)), 400, 413, CLOSED},
    {"a chunk beyond 64 bits with zeros", RAW(CHUNKED("FFFFFFFFFFFFFFFFF5" CR "hello" CR "0" CR CR)), 400, 413, CLOSED},
    {"a chunk that is longer than its size", RAW(CHUNKED("5" CR "hello!" CR "0" CR CR)), 400, 0, CLOSED},
    {"a chunk without its end", RAW(CHUNKED("5" CR "hello0" CR CR)), 400, 0, CLOSED},
    {"chunks that end in the middle", RAW(CHUNKED("5" CR "hel")), 0, 0, WAITS},
    {"a last chunk without its end", RAW(CHUNKED("5" CR "hello" CR "0" CR)), 0, 0, WAITS},

    /* 9110, 10.1.1: Expect */
    {"an unknown expectation", RAW(GET("Expect: tea" CR)), 417, 200, EITHER},
    {"an expectation in HTTP/1.0 is not answered by 100",
     RAW("POST /graphs HTTP/1.0" CR HOST "Expect: 100-continue" CR "Content-Length: 5" CR CR "hello"), 400, 0, CLOSED},
    {"an expected body that comes at once", RAW(POST("Expect: 100-continue" CR "Content-Length: 5" CR, "hello")), 400,
     100, EITHER},

    /* 9: connections */
    {"Connection: close", RAW(GET("Connection: close" CR)), 200, 0, CLOSED},
    {"Connection: Close among others", RAW(GET("Connection: keep-alive, X-Y , Close" CR)), 200, 0, CLOSED},
    {"Connection: keep-alive", RAW(GET("Connection: keep-alive" CR)), 200, 0, OPEN},
    {"HTTP/1.0 is not kept", RAW("GET /livez HTTP/1.0" CR HOST CR), 200, 0, CLOSED},
    {"HTTP/1.0 is kept when it asks", RAW("GET /livez HTTP/1.0" CR HOST "Connection: keep-alive" CR CR), 200, 0,
     EITHER},
    {"an upgrade is declined", RAW(GET("Connection: upgrade" CR "Upgrade: h2c, websocket" CR)), 200, 0, OPEN},
    {"HEAD", RAW("HEAD /livez HTTP/1.1" CR HOST CR), 200, 0, OPEN},
    {"HEAD of nothing", RAW("HEAD /nothing HTTP/1.1" CR HOST CR), 404, 0, OPEN},
    {"half a request line", RAW("GET /liv"), 0, 0, WAITS},
    {"half a head", RAW(LINE HOST "X: "), 0, 0, WAITS},
    {"half a body", RAW(POST("Content-Length: 5" CR, "hel")), 0, 0, WAITS},
};

static struct raw_reply reply;

/* Answers of ours; the library's own pages have no id. */
static int answers(void)
{
    int n = 0;
    for (const char *at = reply.text; (at = strstr(at, "\r\nX-Request-Id: ")); at += 2)
        n++;
    return n;
}

static void judge(const struct http_case *c)
{
    bool waits = c->then == WAITS, closed = reply.closed;
    if (reply.status != c->status && reply.status != c->or_status)
        fail_msg("%s: %d instead of %d\n%s", c->what, reply.status, c->status, reply.text);
    if (reply.reset)
        fail_msg("%s: the connection is reset", c->what);
    if ((c->then == CLOSED && !closed) || ((c->then == OPEN || waits) && closed))
        fail_msg("%s: the connection %s\n%s", c->what, closed ? "ends" : "stays", reply.text);
    bool second = strstr(reply.text, "behind-it");
    if (c->then == OPEN && !second)
        fail_msg("%s: the next request is not answered\n%s", c->what, reply.text);
    if (c->then == CLOSED && (second || answers() > 1))
        fail_msg("%s: what stood behind it was taken for a request\n%s", c->what, reply.text);
    if (strstr(reply.text, "X-Request-Id: in\r\n"))
        fail_msg("%s: its body was taken for a request\n%s", c->what, reply.text);
    if (reply.status >= 200 && !strstr(reply.text, "\r\nDate: "))
        fail_msg("%s: an answer has no Date", c->what);
    if (reply.status == 405 && !strstr(reply.text, "\r\nAllow: "))
        fail_msg("%s: a 405 has no Allow", c->what);
}

/* Another request follows each in the same bytes, but where more is waited for. */
static void requests_are_answered_or_refused_as_the_rfcs_say(void **state)
{
    (void)state;
    static const char next[] = "GET /livez HTTP/1.1" CR HOST "X-Request-Id: behind-it" CR "Connection: close" CR CR;
    const char *only = getenv("TEST_CASE");
    struct child c = child_start(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[2048];
        size_t n = cases[i].n;
        if (only && !strstr(cases[i].what, only))
            continue;
        memcpy(bytes, cases[i].bytes, n);
        if (cases[i].then != WAITS) {
            memcpy(bytes + n, next, sizeof next);
            n += sizeof next - 1;
        }
        raw_exchange(c.port, bytes, n, cases[i].then == WAITS ? 50 : 2000, &reply);
        if (cases[i].then == OPEN)
            reply.closed = false; /* by the next one */
        judge(&cases[i]);
    }
    assert_int_equal(child_stop(&c), 0);
}

static void requests_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char bytes[] = GET("") POST("Content-Length: 5" CR, "hello")
        CHUNKED("2;a=b" CR "he" CR "3" CR "llo" CR "0" CR
                "X: y" CR CR) "HEAD /livez HTTP/1.1" CR HOST CR GET("Connection: close" CR);
    static const int expected[] = {200, 400, 400, 200, 200};
    struct child c = child_start(NULL);
    int fd = raw_connect(c.port, 0, 0), on = 1, n = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t i = 0; i + 1 < sizeof bytes; i++)
        assert_true(raw_send(fd, bytes + i, 1));
    raw_read(fd, 2000, &reply);
    close(fd);
    assert_true(reply.closed);
    for (const char *at = reply.text; (at = strstr(at, "HTTP/1.1 ")); at += 9) {
        if (at != reply.text && at[-1] != '\n')
            continue; /* of a detail */
        assert_true(n < 5);
        assert_int_equal(atoi(at + 9), expected[n++]);
    }
    assert_int_equal(n, 5);
    assert_int_equal(child_stop(&c), 0);
}

/* Sends, says that no more will come, and reads. */
static int ask_and_end(const struct child *c, const char *bytes, size_t n)
{
    int fd = raw_connect(c->port, 0, 0);
    raw_send(fd, bytes, n);
    shutdown(fd, SHUT_WR);
    raw_read(fd, 1000, &reply);
    close(fd);
    return reply.status;
}

static void what_was_cut_off_is_not_taken_for_whole(void **state)
{
    (void)state;
    struct child c = child_start(NULL);
    assert_int_equal(ask_and_end(&c, RAW(GET(""))), 200);
    assert_int_not_equal(ask_and_end(&c, RAW(LINE HOST)), 200);
    assert_true(reply.closed);
    static const char body[] = "{\"version\":1,\"output\":\"x\"}";
    char text[400];
    int n =
        snprintf(text, sizeof text,
                 "POST /graphs HTTP/1.1" CR HOST "Content-Type: application/json" CR "Content-Length: %zu" CR CR "%s",
                 sizeof body, body); /* one byte more than comes */
    assert_int_equal(ask_and_end(&c, text, (size_t)n), 0);
    n = snprintf(text, sizeof text,
                 "POST /graphs HTTP/1.1" CR HOST "Content-Type: application/json" CR "Transfer-Encoding: chunked" CR CR
                 "%zx" CR "%s" CR,
                 sizeof body - 1, body);
    assert_int_equal(ask_and_end(&c, text, (size_t)n), 0);
    /* It would have been right. */
    n = snprintf(text, sizeof text,
                 "POST /graphs HTTP/1.1" CR HOST "Content-Type: application/json" CR "Content-Length: %zu" CR CR "%s",
                 sizeof body - 1, body);
    raw_exchange(c.port, text, (size_t)n, 200, &reply);
    assert_int_equal(reply.status, 201);
    assert_int_equal(child_stop(&c), 0);
}

static void what_is_too_long_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    static const struct {
        const char *what, *before, *behind;
        int status, or_status;
    } lengths[] = {
        {"a target", "GET /", " HTTP/1.1" CR HOST CR, 414, 431},
        {"a query", "GET /livez?a=", " HTTP/1.1" CR HOST CR, 414, 431},
        {"a method", "", " /livez HTTP/1.1" CR HOST CR, 400, 414},
        {"a name", LINE HOST, ": a" CR CR, 431, 413},
        {"a value", LINE HOST "X: ", CR CR, 431, 413},
        {"an extension of a chunk",
         "POST /graphs HTTP/1.1" CR HOST "Content-Type: application/json" CR "Transfer-Encoding: chunked" CR CR "5;a=",
         CR "hello" CR "0" CR CR, 400, 500}, /* the library's word for it */
    };
    struct child c = child_start(NULL);
    char *bytes = malloc(LONG + 1000);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t before = strlen(lengths[i].before), behind = strlen(lengths[i].behind);
        memcpy(bytes, lengths[i].before, before);
        memset(bytes + before, 'a', LONG);
        memcpy(bytes + before + LONG, lengths[i].behind, behind);
        raw_exchange(c.port, bytes, before + LONG + behind, 2000, &reply);
        /* A reset may overtake the answer, as the server stops reading. */
        if (!reply.closed ||
            (reply.status && reply.status != lengths[i].status && reply.status != lengths[i].or_status))
            fail_msg("%s: %d\n%.200s", lengths[i].what, reply.status, reply.text);
    }
    free(bytes);
    raw_exchange(c.port, RAW(GET("")), 50, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(child_stop(&c), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_or_refused_as_the_rfcs_say),
        cmocka_unit_test(requests_may_come_byte_by_byte),
        cmocka_unit_test(what_was_cut_off_is_not_taken_for_whole),
        cmocka_unit_test(what_is_too_long_is_refused_and_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
