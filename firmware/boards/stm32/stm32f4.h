/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of STM32F405 and F407 that the board uses (ST RM0090). */
#ifndef MYNA_BOARDS_STM32F4_H
#define MYNA_BOARDS_STM32F4_H

#include "boards/cortex_m/core.h"

#include <stdbool.h>

#define RCC_CR CORE_REGISTER(0x40023800u)
#define RCC_PLLCFGR CORE_REGISTER(0x40023804u)
#define RCC_CFGR CORE_REGISTER(0x40023808u)
#define RCC_AHB1ENR CORE_REGISTER(0x40023830u)
#define RCC_AHB2ENR CORE_REGISTER(0x40023834u)
#define RCC_APB2ENR CORE_REGISTER(0x40023844u)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_APB1_BY_4 (5u << 10)
#define RCC_CFGR_APB2_BY_2 (4u << 13)
#define RCC_GPIOA 1u
#define RCC_RNG (1u << 6)
#define RCC_USART1 (1u << 4)

#define GPIOA_MODER CORE_REGISTER(0x40020000u)
#define GPIOA_AFRH CORE_REGISTER(0x40020024u)

#define USART_SR CORE_REGISTER(0x40011000u) /* USART1 */
#define USART_DR CORE_REGISTER(0x40011004u)
#define USART_BRR CORE_REGISTER(0x40011008u)
#define USART_CR1 CORE_REGISTER(0x4001100Cu)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_UE (1u << 13)

#define FLASH_ACR CORE_REGISTER(0x40023C00u)
#define FLASH_KEYR CORE_REGISTER(0x40023C04u)
#define FLASH_SR CORE_REGISTER(0x40023C0Cu)
#define FLASH_CR CORE_REGISTER(0x40023C10u)
#define FLASH_ACR_LATENCY 7u
#define FLASH_ACR_5_WAITS 5u
#define FLASH_ACR_PREFETCH (1u << 8)
#define FLASH_ACR_ICACHE (1u << 9)
#define FLASH_ACR_DCACHE (1u << 10)
#define FLASH_ACR_DCACHE_RESET (1u << 12)
#define FLASH_KEY1 0x45670123u
#define FLASH_KEY2 0xCDEF89ABu
#define FLASH_SR_ERRORS 0xF2u /* OPERR, WRPERR, PGAERR, PGPERR, PGSERR */
#define FLASH_SR_BUSY (1u << 16)
#define FLASH_CR_PG 1u
#define FLASH_CR_SER (1u << 1)
#define FLASH_CR_SECTOR(n) ((n) << 3)
#define FLASH_CR_WORDS (2u << 8)
#define FLASH_CR_START (1u << 16)
#define FLASH_CR_LOCK (1u << 31)

#define RNG_CR CORE_REGISTER(0x50060800u)
#define RNG_SR CORE_REGISTER(0x50060804u)
#define RNG_DR CORE_REGISTER(0x50060808u)
#define RNG_CR_ENABLE (1u << 2)
#define RNG_SR_READY 1u
#define RNG_SR_ERRORS 0x66u /* of clock or seed, now or since they were cleared */

/* Turns that a wait takes at most, milliseconds: what never comes must not stop the board. */
#define STM32_PATIENCE 100000u

#endif
