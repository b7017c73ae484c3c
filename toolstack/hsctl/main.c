#include "command.h"

int main(int argc, char *argv[])
{
    return hsctl_run(argc, argv, stdout, stderr);
}
