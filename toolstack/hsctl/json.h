/* Writes JSON: the commas, the quotes and the escapes. */
#ifndef HSCTL_JSON_H
#define HSCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *to;
    bool comma; /* the next value needs one before it */
};

/* name: of a member of an object, NULL in an array and at the top. Each opening call has its closing one. */
void json_open(struct json *j, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket);                  /* '}' or ']' */
void json_number(struct json *j, const char *name, uint64_t value);
void json_bool(struct json *j, const char *name, bool value);
/* UTF-8; NULL is null. */
void json_string(struct json *j, const char *name, const char *value);

#endif
