# SPDX-License-Identifier: Apache-2.0
"""Writes a model's generated folder: `model.c` (data and a list of calls) and `config.h`."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import jinja2

from myna import __version__
from myna.audio.config import AudioConfig, silence_of
from myna.audio.render import render_tables
from myna.codegen.fields import check_fields
from myna.errors import MynaError
from myna.ir import Array, Graph, Kind, Node, Tensor
from myna.names import (
    CENTER,
    CLASSES,
    LABEL,
    LOSS,
    NAMES,
    SEED,
    SHOTS,
    SIMILARITY,
    STEP,
    THRESHOLD,
    TOTAL,
    TYPICAL,
)
from myna.passes.bounds import Bound, Form, bounds
from myna.passes.layout import feature_rows, occupied, recording_bytes
from myna.passes.memory.plan import Program
from myna.passes.pipeline import Options
from myna.passes.training.imprint import has_head, head_of

ABI = 8  # MYNA_MODEL_ABI of firmware/runtime/model.h
LINE = 100  # characters
LARGEST_INPUT = 0xFFFF  # bytes, which firmware/runtime/clips.h counts in 16 bits
C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}


@dataclass(frozen=True)
class Labels:
    """What the runtime must know beyond the program.

    Attributes:
        names: class names.
        audio: front end; None if the model hears nothing.
        clips: how many enrollment clips the device keeps as features.
        backup: bytes of the largest state of which ADAPT keeps a copy in memory; that of a larger
            one goes to storage.
        options: with which the model is compiled again, JSON.
    """

    names: tuple[str, ...]
    audio: AudioConfig | None
    clips: int = Options.clips
    backup: int = Options.backup
    options: str = "{}"


def generate(program: Program, labels: Labels, folder: Path, command: str) -> None:
    """Write the generated folder of a model.

    Args:
        program: what to run.
        labels: names, front end, clip store.
        folder: created if absent; files are only touched where their text changes, so that an
            unchanged model does not rebuild.
        command: the command that makes these files again, for the header.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("myna.codegen"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    context = _context(program, labels) | {"command": remark(command), "version": __version__}
    for name in ("model.c", "config.h"):
        text = environment.get_template(f"{name}.j2").render(context)
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def fingerprint(program: Program) -> int:
    """CRC-32 of everything that decides what a state block means and how it evolves."""
    graph = program.graph
    layout = (graph.nodes, sorted(program.state.items()), program.latent, ABI)
    crc = zlib.crc32(repr(layout).encode())
    for array in (program.replay.latents, program.replay.labels):
        crc = zlib.crc32(array.tobytes(), crc)
    for tensor in graph.tensors.values():
        if tensor.data is not None:
            crc = zlib.crc32(tensor.data.tobytes(), zlib.crc32(tensor.name.encode(), crc))
    return crc


def identifier(name: str, prefix: str = "t") -> str:
    """A C identifier for a tensor; for a node with the prefix "n". ``~`` marks what runs again.

    The prefix keeps it apart from C's keywords, standard headers, and all that generated code
    and runtime call their own.
    """
    text = name.replace("~", "_again")
    return f"{prefix}_" + re.sub(r"\W", "_", text, flags=re.ASCII)


def string(text: str) -> str:
    """A C string literal of UTF-8: one line, and nothing in it means anything to a compiler."""
    return '"' + "".join(map(_character, text.encode())) + '"'


def remark(text: str) -> str:
    """Text for within a C comment, which it can neither end nor continue."""
    return re.sub(r"[*?\\\x00-\x1f]", "_", text)


def _character(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in '"\\?'  # ? begins trigraphs
    return chr(byte) if plain else f"\\{byte:03o}"


def _context(program: Program, labels: Labels) -> dict[str, object]:
    graph = program.graph
    values = [t for t in graph.tensors.values() if t.name in program.arena]
    state = [graph.tensors[name] for name in program.state]
    outputs, nodes, first = [], [], 0
    for index, node in enumerate(graph.nodes):
        outputs += [(_address(program, name), graph.tensors[name].nbytes) for name in node.outputs]
        nodes.append(_node(program, node, index, first))
        first += len(node.outputs)
    silence, logits = silence_of(labels.names), graph.tensors[graph.outputs[0]]
    classifies = CLASSES in graph.tensors
    return {
        "name": string(graph.name),
        "abi": ABI,
        "fingerprint": f"0x{fingerprint(program):08x}u",
        "headers": sorted({type(node.op).__module__.rpartition(".")[2] for node in graph.nodes}),
        "labels": string("\n".join(labels.names)),
        "options": string(labels.options),
        "names": graph.tensors.get(NAMES),
        "silence": "MYNA_NO_CLASS" if silence is None else silence,
        "audio": labels.audio,
        "audio_tables": render_tables(labels.audio) if labels.audio else "",
        "clips": labels.clips,
        "backup": program.state_bytes if program.state_bytes <= labels.backup else 0,
        "traced": sum(len(node.outputs) for node in graph.nodes[: program.train_nodes]),
        "feature_bytes": _feature_bytes(graph),
        "frames": feature_rows(graph)[0],
        "coefficients": feature_rows(graph)[1],
        "classifies": classifies,
        "classes": logits.size if classifies else 1,
        "logit_count": logits.size,
        "constants": [_constant(t) for t in graph.of_kind(Kind.CONST)],
        "values": [(_declare(t), program.arena[t.name], identifier(t.name)) for t in values],
        "state": [(_declare(t), _numbers(_data(t)), program.state[t.name]) for t in state],
        "state_names": [identifier(t.name) for t in state],
        "bounds": [_bound(program, bound) for bound in bounds(program)],
        "program": program,
        "recording_bytes": recording_bytes(graph),
        "occupied": occupied(program, has_front_end=labels.audio is not None),
        "nodes": nodes,
        "outputs": outputs,
        "features": _address(program, graph.of_kind(Kind.INPUT)[0].name),
        "logits": _address(program, graph.outputs[0]),
        "inputs": _inputs(program, classifies),
        "embedding": _embedding(program),
        "acceptance": {
            name: _address(program, name) if name in graph.tensors else "NULL"
            for name in (SIMILARITY, TYPICAL, THRESHOLD)
        },
        "latent": _address(program, program.latent.tensor),
        "replay": program.replay,
        "replay_latents": _numbers(program.replay.latents),
        "replay_labels": _numbers(program.replay.labels),
    }


def _feature_bytes(graph: Graph) -> int:
    """Bytes of the input, of which a clip holds so many."""
    source = graph.of_kind(Kind.INPUT)[0]
    if source.nbytes > LARGEST_INPUT:
        raise MynaError(
            f"inputs of {source.nbytes} bytes are larger than {LARGEST_INPUT}",
            where=f"model {graph.name}, tensor {source.name} {source.shape}",
            fix="use a network for smaller inputs",
        )
    return source.nbytes


def _inputs(program: Program, classifies: bool) -> dict[str, str]:
    """Where the runtime finds what it sets and reads by name."""
    found = {name: _address(program, name) for name in (LOSS, STEP, SEED)}
    if not classifies:
        return found | {LABEL: "&label", CLASSES: "&classes"}
    return found | {name: _address(program, name) for name in (LABEL, CLASSES)}


def _embedding(program: Program) -> dict[str, object]:
    """The input of the head, and what imprinting reads: null where the program cannot."""
    if not has_head(program.graph):
        parts = ("address", "center", "total", "shots", "imprint")
        return {"size": 0, "zero": 0, **dict.fromkeys(parts, "NULL")}
    tensor = program.graph.tensors[head_of(program.graph).inputs[0]]
    able = TOTAL in program.graph.tensors
    return {
        "address": _address(program, tensor.name),
        "size": tensor.size,
        "zero": tensor.zero_point,
        "center": _address(program, CENTER) if able else "NULL",
        "total": _address(program, TOTAL) if able else "NULL",
        "shots": _address(program, SHOTS) if able else "NULL",
        "imprint": "imprint" if able else "NULL",
    }


def _node(program: Program, node: Node, index: int, first: int) -> dict[str, object]:
    inputs = tuple(program.graph.tensors[name] for name in node.inputs)
    outputs = tuple(program.graph.tensors[name] for name in node.outputs)
    name, op = identifier(node.name, "n"), node.op
    arguments = [f"&{name}"] if op.struct else []
    arguments += [_address(program, i) for i in node.inputs]
    arguments += [_address(program, o) for o in node.outputs if o not in node.inputs]
    params = op.params(inputs, outputs)
    check_fields(op.struct, params, f"model {program.graph.name}, node {node.name}")
    fields = ", ".join(f".{key} = {value}" for key, value in params.items())
    parameters = f"static const struct {op.struct} {name} = {{{fields}}};" if op.struct else ""
    return {
        "name": remark(node.name),
        "parameters": fill(parameters, LINE, subsequent_indent="    "),
        "call": fill(
            f"{op.kernel}({', '.join(arguments)});",
            100,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
        ),
        "index": index,
        "first": first,
        "count": len(node.outputs),
    }


def _address(program: Program, name: str) -> str:
    kind = program.graph.tensors[name].kind
    place = {Kind.CONST: "const_", Kind.STATE: "state."}.get(kind, "arena.")
    return f"{place}{identifier(name)}"


def _bound(program: Program, bound: Bound) -> str:
    """One entry of the list that the runtime checks states by."""
    count = program.graph.tensors[bound.tensor].size // (2 if bound.form is Form.PAIR else 1)
    place = f"offsetof(struct state, {identifier(bound.tensor)})"
    return f"{{{place}, {count}, {bound.low}, {bound.high}, {bound.form.value}}}"


def _declare(tensor: Tensor) -> str:
    """A flat array; the comment in the template gives its shape."""
    shape = "×".join(map(str, tensor.shape))
    return f"{C_TYPES[tensor.dtype]} {identifier(tensor.name)}[{tensor.size}]; /* {shape} */"


def _constant(tensor: Tensor) -> str:
    shape = "×".join(map(str, tensor.shape))
    head = f"static const {C_TYPES[tensor.dtype]} const_{identifier(tensor.name)}[{tensor.size}]"
    return f"/* {shape} */\n{head} = {{\n{_numbers(_data(tensor))}}};"


def _data(tensor: Tensor) -> Array:
    assert tensor.data is not None
    return tensor.data


def _numbers(data: Array) -> str:
    if not data.any():
        return "0"
    words = ", ".join(_literal(v) for v in data.reshape(-1).tolist()).split(" ")
    lines = [words[0]]
    for word in words[1:]:  # textwrap takes half a second for a model
        if len(lines[-1]) + 1 + len(word) > LINE:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return "\n".join(lines)


def _literal(value: int) -> str:
    return "INT32_MIN" if value == -(2**31) else str(value)
