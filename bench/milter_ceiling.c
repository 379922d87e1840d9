/* milter_ceiling: a libmilter program that lets every recipient pass and decides nothing.
 *
 *   milter_ceiling PORT
 *
 * What libmilter, the protocol and the kernel cost by themselves. It asks for the callbacks that gatepost asks for.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>

static sfsistat negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long x, unsigned long y,
    unsigned long *wanted_actions, unsigned long *wanted_steps, unsigned long *wanted_x, unsigned long *wanted_y) {
    (void)context, (void)actions, (void)x, (void)y;
    *wanted_actions = *wanted_x = *wanted_y = 0;
    *wanted_steps = steps & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NR_MAIL);
    return SMFIS_CONTINUE;
}

static sfsistat mail(SMFICTX *context, char **arguments) {
    (void)context, (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat pass(SMFICTX *context, char **arguments) {
    (void)context, (void)arguments;
    return SMFIS_CONTINUE;
}

static sfsistat data(SMFICTX *context) {
    (void)context;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv) {
    struct smfiDesc callbacks = {
        .xxfi_name = "ceiling", .xxfi_version = SMFI_VERSION, .xxfi_envfrom = mail, .xxfi_envrcpt = pass,
        .xxfi_data = data, .xxfi_eom = data, .xxfi_negotiate = negotiate,
    };
    char address[64];
    if (argc != 2) {
        fprintf(stderr, "usage: milter_ceiling PORT\n");
        return 2;
    }
    snprintf(address, sizeof address, "inet:%s@127.0.0.1", argv[1]);
    if (smfi_setconn(address) || smfi_register(callbacks) || smfi_opensocket(0)) return 2;
    fprintf(stderr, "ceiling ready on inet:127.0.0.1:%s\n", argv[1]);
    return smfi_main();
}
