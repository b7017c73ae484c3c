/*
 * claim-stress under ThreadSanitizer: three threads on the real mm/, whatever comes in between. Besides what
 * it checks itself, no two of them touch the same thing without a lock or an atomic access.
 *
 * Usage: mm_stress_test [claim-stress's arguments]
 */
#include <tests/stress/stress.h>

int main(int argc, char **argv)
{
    char *some[] = {argv[0], (char[]){"--quiet"}, (char[]){"--threads=3"}, (char[]){"--ops=60000"}, NULL};

    return argc > 1 ? stress_main(argc, argv) : stress_main(4, some);
}
