/* Which web pages may read the answers in a browser (the CORS protocol of the Fetch standard): those of the origins
 * that --cors-origins lists. Keys travel in a header of the page's own, never in cookies, so no answer allows
 * credentials. */
#ifndef API_CORS_H
#define API_CORS_H

#include "api/exchange.h"

struct cors;

/* "https://a.example, https://b.example:8443" or "*"; NULL: nobody is told anything. */
enum status cors_new(const char *origins, struct cors **ret_cors, struct fault *fault) MUST_CHECK;
void cors_free(struct cors *c); /* takes NULL */

/* The headers of an answer, once. */
void cors_headers(const struct cors *c, const struct api_request *req, struct api_response *res);
/* Those of the answer to OPTIONS; `methods` is what Allow says. */
void cors_preflight(const struct cors *c, struct exchange *ex, const char *methods);

#endif
