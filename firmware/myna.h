/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Myna: learning on the chip, in integers. The one header that an application includes.
 *
 * A firmware links the core (kernels, audio, runtime, storage, protocol), the generated code of one
 * model, and a board. What is public lies in five headers:
 *
 *   server/server.h   run the server, which does all that PROTOCOL.md says
 *   runtime/model.h    run the model without it
 *   audio/features.h   from sound to what a model takes in
 *   boards/port.h      what a board must supply
 *   storage/nvm.h      how a board describes memory that lasts
 *
 * main.c is the whole of an application. All of it runs in one thread: no function of these headers
 * may be called from an interrupt, or while another one runs. No function allocates memory, and
 * none keeps a pointer that it was given.
 *
 * Every name that the linker sees begins with myna_, and so do the types and macros in here.
 */
#ifndef MYNA_MYNA_H
#define MYNA_MYNA_H

#include "audio/features.h"
#include "boards/port.h"
#include "runtime/model.h"
#include "server/server.h"
#include "storage/nvm.h"

/* Version of this library (semantic versioning): as in pyproject.toml. */
#define MYNA_VERSION_MAJOR 0
#define MYNA_VERSION_MINOR 1
#define MYNA_VERSION_PATCH 0

#endif
