/* SPDX-License-Identifier: Apache-2.0 */
/* For boards without non-volatile memory to spare. */
#include "boards/port.h"

const struct myna_nvm *myna_port_nvm(void) {
    return NULL;
}
