#include "hawser/cni/main.h"

int main(int argc, char** argv) { return hawser::cni::cniMain(argc, argv); }
