/*
 * main.c: the novt command's entry. The only place that ends the process normally.
 */
#include "console/command.h"

int main(int argc, char **argv) { return con_main(argc, argv); }
