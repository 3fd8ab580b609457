/* gateway/gateway.h - the role beside the user: `lull gateway`. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

int gateway_main(int argc, char **argv);

#endif
