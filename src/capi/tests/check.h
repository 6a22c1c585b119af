/* What the tests in C share. Each runs in a directory with the guests and the files that it needs. */

#include "tollgate_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tollgate_error *error = NULL;

static void check(int holds, const char *what, int line)
{
    if (!holds) {
        fprintf(stderr, "line %d: %s; error: %s\n", line, what, tollgate_error_json(error));
        exit(1);
    }
}

/* It must hold, without an error. */
#define CHECK(what) (check((what) != 0, #what, __LINE__), check(error == NULL, "no error", __LINE__))
/* A text of ours to free must have this part. */
#define HAS(text, part) has(text, part, __LINE__)
/* A call must fail in this way, and say this. */
#define FAILS(what, status, kind, part) fails((what) == 0, #what, status, kind, part, __LINE__)

static void has(char *text, const char *part, int line)
{
    check(error == NULL, "no error", line);
    check(text != NULL && strstr(text, part) != NULL, text ? text : part, line);
    tollgate_free(text);
}

static void fails(int failed, const char *what, tollgate_status status, const char *kind, const char *part,
                  int line)
{
    check(failed, what, line);
    check(tollgate_error_status(error) == status, "status", line);
    check(strcmp(tollgate_error_kind(error), kind) == 0, kind, line);
    check(strstr(tollgate_error_message(error), part) != NULL, part, line);
    tollgate_error_clear(&error);
    check(error == NULL, "cleared", line);
}
