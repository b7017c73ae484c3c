#include "stress.h"

int main(int argc, char **argv)
{
    return stress_main(argc, argv);
}
