/* `sinter ping [URL]`: is a server there and ready? For health checks where there is no curl. Exit 0 when GET answers
 * 200. */
#include <stdio.h>
#include <string.h>

#include "server/command.h"
#include "server/http_client.h"

int command_ping(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/readyz";
    char host[256] = "", path[512] = "/readyz";
    int port = 80;
    if (argc > 2 || (sscanf(url, "http://%255[^:/]:%d%511s", host, &port, path) < 2 &&
                     sscanf(url, "http://%255[^:/]%511s", host, path) < 1)) {
        fprintf(stderr, "usage: sinter ping [http://HOST[:PORT][/PATH]]\n");
        return EXIT_USAGE;
    }
    struct http_client *client = http_client_open(host, port);
    struct http_answer answer = {0};
    int status = 0;
    if (client && !http_client_send(client, "GET", path, NULL, NULL, 0) && !http_client_receive(client, &answer))
        status = answer.status;
    if (status != 200)
        fprintf(stderr, "sinter ping: %s\n", !client ? "nobody answers" : status ? "not ready" : "no HTTP answer");
    http_client_close(client);
    return status == 200 ? EXIT_DONE : EXIT_FAILED;
}
