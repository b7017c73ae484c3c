#include "command.h"

int main(int argc, char *argv[])
{
    int status = hsctl_run(argc, argv, stdout, stderr);

    /* Output that is lost, for instance on a full disk, is no success. */
    if (fflush(stdout) || ferror(stdout))
        return status ? status : EXIT_REFUSED;
    return status;
}
