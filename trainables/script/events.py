"""TensorBoard's event files, read without TensorFlow: framed records of protocol buffers."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_HEAD, _CHECK = 12, 4  # bytes of a record's length with its checksum, and of its body's
_HPARAMS = "_hparams_/session_start_info"


class Event(NamedTuple):
    """What one record tells.

    Attributes:
        step: The step that it is of.
        wall_time: When it was written, in seconds.
        scalars: Numbers by tag.
        hparams: What `add_hparams` told of the run, as text by name.
    """

    step: int
    wall_time: float
    scalars: dict[str, float]
    hparams: dict[str, str]


def events_from(path: Path, at: int = 0) -> Iterator[tuple[int, Event]]:
    """The records that are whole by now, from a byte on, each with the byte where it ends.

    Raises:
        ValueError: Where a record is none.
    """
    from tensorboardX.proto.event_pb2 import Event as Record  # pyright: ignore[reportAttributeAccessIssue]

    with path.open("rb") as file:
        file.seek(at)
        while len(head := file.read(_HEAD)) == _HEAD:
            (length,) = struct.unpack("<Q", head[:8])
            if length > path.stat().st_size:
                return  # it is not whole, or no event file
            body = file.read(length + _CHECK)
            if len(body) < length + _CHECK:
                return
            at += _HEAD + length + _CHECK
            try:
                record = Record.FromString(body[:length])
            except Exception as error:  # google.protobuf's own kind
                raise ValueError(f"no record ends at byte {at}: {error}") from error
            yield at, _told(record)


def all_events(path: Path) -> Iterator[Event]:
    """Every record of a file.

    Raises:
        EOFError: After the last whole one, where the file goes on.
        ValueError: Where there is not one, or one is broken.
    """
    end = 0
    for ends, event in events_from(path):
        end = ends
        yield event
    if not end:
        raise ValueError("it has no whole record")
    if end < path.stat().st_size:
        raise EOFError(str(path))


def _told(record: Any) -> Event:
    scalars, hparams = {}, {}
    for value in record.summary.value:
        if value.tag == _HPARAMS:
            hparams |= _hparams(value.metadata.plugin_data.content)
        elif (number := _number(value)) is not None:
            scalars[value.tag] = number
    return Event(record.step, record.wall_time, scalars, hparams)


def _number(value: Any) -> float | None:
    """Of a scalar, in the old form or as a tensor of one number."""
    if value.WhichOneof("value") == "simple_value":
        return float(value.simple_value)
    tensor = value.tensor
    if any(one.size != 1 for one in tensor.tensor_shape.dim):
        return None
    for numbers in (tensor.float_val, tensor.double_val):
        if numbers:
            return float(numbers[0])
    sizes = {1: ("<f", 4), 2: ("<d", 8)}  # DT_FLOAT, DT_DOUBLE
    form, size = sizes.get(tensor.dtype, ("", 0))
    if form and len(tensor.tensor_content) == size:
        return float(struct.unpack(form, tensor.tensor_content)[0])
    return None


def _hparams(content: bytes) -> dict[str, str]:
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData  # pyright: ignore

    told = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: _text(value) for name, value in told.items()}


def _text(value: Any) -> str:
    """As Python writes it; whole numbers, which the file holds as floats, whole."""
    if value.WhichOneof("kind") == "number_value":
        number = value.number_value
        return f"{number:.0f}" if number.is_integer() else str(number)
    return str(getattr(value, value.WhichOneof("kind") or "string_value"))
