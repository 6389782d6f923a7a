# SPDX-License-Identifier: Apache-2.0
"""Instructions of a listing are of the kinds that the published tables tell apart."""

from __future__ import annotations

import pytest
from myna.bench.instructions import CLASSES, Class, Kind, _classes

LISTING = """
00000080 <ending>:
      80:	b530      	push	{r4, r5, lr}
      82:	4915      	ldr	r1, [pc, #84]	@ (d8 <ending+0x58>)
      84:	4d15      	ldr	r5, [pc, #84]	@ (dc <ending+0x5c>)
      86:	f8c3 2004 	str.w	r2, [r3, #4]
      8a:	bf18      	it	ne
      8c:	6013      	strne	r3, [r2, #0]
      8e:	e9cd 1501 	strd	r1, r5, [sp, #4]
      92:	fb04 f303 	mul.w	r3, r4, r3
      96:	47a0      	blx	r4
      98:	e8bd 83f8 	ldmia.w	sp!, {r3, r4-r9, pc}
      a0:	6808      	ldr	r0, [r1, #0]
"""


def classes(listing: str) -> dict[int, Class]:
    return {address: CLASSES[index] for address, index in _classes(listing.splitlines())}


def test_a_listing_is_read() -> None:
    assert classes(LISTING) == {
        0x80: Class(Kind.MULTIPLE, 3),
        0x82: Class(Kind.LOAD),
        0x84: Class(Kind.NEIGHBOUR),
        0x86: Class(Kind.NEIGHBOUR),  # a store behind a load
        0x8A: Class(Kind.OTHER),
        0x8C: Class(Kind.STORE),  # no neighbour of a load further ahead
        0x8E: Class(Kind.MULTIPLE, 2),
        0x92: Class(Kind.MULTIPLY),
        0x96: Class(Kind.BRANCH),
        0x98: Class(Kind.MULTIPLE, 8),
        0xA0: Class(Kind.LOAD),  # behind a gap
    }


@pytest.mark.parametrize(
    ("mnemonic", "kind"),
    [
        *((name, Kind.OTHER) for name in ("bic.w", "bfi", "bkpt", "lsls", "subs", "uadd8")),
        *((name, Kind.BRANCH) for name in ("b.n", "bne.w", "bl", "bls.n", "bx", "wlstp.8")),
        *((name, Kind.MULTIPLY) for name in ("muls", "smlad", "smulbb", "smmulr", "smuad")),
        *((name, Kind.MULTIPLY_ADD) for name in ("mla", "mls", "mlals")),
        *((name, Kind.MULTIPLY_LONG) for name in ("smull", "umull")),
        *((name, Kind.MULTIPLY_LONG_ADD) for name in ("smlal", "umlal")),
        ("udiv", Kind.DIVIDE),
        ("ldrsb.w", Kind.LOAD),
        ("le", Kind.LOOP),
        ("vldrb.8", Kind.VECTOR),
    ],
)
def test_mnemonics_have_kinds(mnemonic: str, kind: Kind) -> None:
    assert classes(f"  80:\t1234 5678 \t{mnemonic}\tr0, r1\n")[0x80].kind is kind


def test_vectors_share_a_pipeline_with_their_like_alone() -> None:
    names = ("vldrb.8", "vldrb.8", "vmladava.s8", "vmul.i32", "vadd.i32", "vshr.s32", "vstrb.8")
    lines = [f"  {4 * i:x}:\t1234 5678 \t{name}\tq0, q1\n" for i, name in enumerate(names)]
    again = [one.kind is Kind.VECTOR_AGAIN for one in classes("".join(lines)).values()]
    assert again == [False, True, False, True, False, True, False]
