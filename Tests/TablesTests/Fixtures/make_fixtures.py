"""Writes the Parquet fixtures and the JSONL that they must read as. Needs pyarrow; run it in this folder.

Every file of one table holds the same rows: rows.jsonl, nested.jsonl. What pyarrow doesn't write (lists of two levels, the
older LZ4 codec in Hadoop's frames) is made from what it does write, by changing the metadata.
"""

import json
import random
import struct

import pyarrow as pa
import pyarrow.parquet as pq

random.seed(20)
WORDS = ["red", "größer", "東京", "🙂", "", "a longer answer, with commas", "two\nlines", '"quoted"', "\t"]


def text(most):
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(most)))


def maybe(value, chance=0.8):
    return value if random.random() < chance else None


# MARK: tables

rows = pa.table(
    {
        "prompt": pa.array([f"Question {i % 7}: {text(4)}?" for i in range(41)]),
        "chosen": pa.array([maybe(text(9), 0.9) for _ in range(41)]),
        "label": pa.array([random.choice(["good", "bad", "so so"]) for _ in range(41)]),
        "small": pa.array([maybe(random.randrange(-128, 128)) for _ in range(41)], pa.int8()),
        "whole": pa.array([random.randrange(-(2**62), 2**62) for _ in range(41)], pa.int64()),
        "step": pa.array([1_000_000 + 3 * i + random.randrange(3) for i in range(41)], pa.int64()),
        "wide": pa.array([random.randrange(-(2**31), 2**31) for _ in range(41)], pa.int32()),
        "count": pa.array([random.randrange(2**32) for _ in range(41)], pa.uint32()),
        "single": pa.array([maybe(random.gauss(0, 3)) for _ in range(41)], pa.float32()),
        "double": pa.array([random.gauss(0, 1e9) for _ in range(41)], pa.float64()),
        "half": pa.array([maybe(struct.unpack("<e", struct.pack("<e", random.gauss(0, 3)))[0]) for _ in range(41)], pa.float16()),
        "safe": pa.array([maybe(random.random() < 0.7) for _ in range(41)], pa.bool_()),
        "nothing": pa.nulls(41),
    }
)

message = pa.struct([("role", pa.string()), ("content", pa.string())])


def messages():
    return [{"role": random.choice(["user", "assistant"]), "content": maybe(text(5), 0.9)} for _ in range(random.randrange(4))]


nested = pa.table(
    {
        "chosen": pa.array([maybe(messages(), 0.9) for _ in range(30)], pa.list_(message)),
        "scores": pa.array(
            [maybe({"help": random.randrange(5), "deep": maybe({"more": random.random()})}) for _ in range(30)],
            pa.struct([("help", pa.int64()), ("deep", pa.struct([("more", pa.float64())]))]),
        ),
        "ids": pa.array(
            [maybe([maybe([maybe(random.randrange(9)) for _ in range(random.randrange(4))]) for _ in range(random.randrange(3))]) for _ in range(30)],
            pa.list_(pa.list_(pa.int32())),
        ),
        "tags": pa.array(
            [maybe([(k, maybe(random.random())) for k in random.sample(["a", "b", "ß"], random.randrange(4))]) for _ in range(30)],
            pa.map_(pa.string(), pa.float64()),
        ),
        "turns": pa.array(
            [[{"who": text(2), "said": [text(2) for _ in range(random.randrange(3))]} for _ in range(random.randrange(3))] for _ in range(30)],
            pa.list_(pa.struct([("who", pa.string()), ("said", pa.list_(pa.string()))])),
        ),
        "plain": pa.array([f"row {i}" for i in range(30)]),
    }
)


def twin(table, name):
    def plain(value):
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            return {k: plain(v) for k, v in value}
        if isinstance(value, list):
            return [plain(v) for v in value]
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return float(value) if type(value).__name__ == "float16" else value

    with open(name, "w") as file:
        for row in table.to_pylist():
            # An empty map and an empty list look alike in Python.
            fixed = {k: {} if k == "tags" and v == [] else plain(v) for k, v in row.items()}
            file.write(json.dumps(fixed, ensure_ascii=False) + "\n")


twin(rows, "rows.jsonl")
twin(nested, "nested.jsonl")

DELTAS = {
    "prompt": "DELTA_BYTE_ARRAY", "chosen": "DELTA_LENGTH_BYTE_ARRAY", "label": "DELTA_BYTE_ARRAY",
    "small": "DELTA_BINARY_PACKED", "whole": "DELTA_BINARY_PACKED", "step": "DELTA_BINARY_PACKED",
    "wide": "DELTA_BINARY_PACKED", "count": "DELTA_BINARY_PACKED", "single": "BYTE_STREAM_SPLIT", "double": "BYTE_STREAM_SPLIT",
    "half": "BYTE_STREAM_SPLIT", "safe": "RLE",
}
NESTED_DELTAS = {
    "chosen.list.element.role": "DELTA_BYTE_ARRAY", "chosen.list.element.content": "DELTA_LENGTH_BYTE_ARRAY",
    "ids.list.element.list.element": "DELTA_BINARY_PACKED", "scores.deep.more": "BYTE_STREAM_SPLIT",
    "plain": "DELTA_BYTE_ARRAY",
}

for codec in ["none", "snappy", "gzip", "zstd", "lz4"]:
    # Version 1 with checksums; version 2; several row groups and pages.
    pq.write_table(rows, f"rows-plain-{codec}.parquet", compression=codec, use_dictionary=False, write_page_checksum=True, write_statistics=False)
    pq.write_table(rows, f"rows-dictionary-{codec}.parquet", compression=codec, row_group_size=17, data_page_version="2.0", write_statistics=False)
    pq.write_table(rows, f"rows-deltas-{codec}.parquet", compression=codec, use_dictionary=False, column_encoding=DELTAS, data_page_size=64, write_batch_size=8, data_page_version="2.0" if codec in ("gzip", "lz4") else "1.0", write_statistics=False)
pq.write_table(nested, "nested-dictionary.parquet", compression="snappy", row_group_size=11, data_page_size=64, write_batch_size=4)
pq.write_table(nested, "nested-deltas-v2.parquet", compression="zstd", use_dictionary=False, column_encoding=NESTED_DELTAS, data_page_version="2.0", write_page_checksum=True)
pq.write_table(nested, "nested-old-names.parquet", compression="none", use_compliant_nested_type=False, version="1.0")

# What is refused by name.
one = pa.array([1])
pq.write_table(pa.table({"text": ["a"], "when": one.cast(pa.timestamp("ns"))}), "refused-int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(pa.table({"text": ["a"], "price": one.cast(pa.decimal128(25, 2))}), "refused-decimal.parquet")
pq.write_table(pa.table({"text": ["a"]}), "refused-brotli.parquet", compression="brotli")
pq.write_table(pa.table({"image": [b"\xff\xd8\xff"]}), "refused-bytes.parquet")
pq.write_table(pa.table({"text": ["a"], "id": pa.array([b"0123456789abcdef"], pa.binary(16))}), "refused-fixed.parquet")


# MARK: thrift's compact protocol, to change what was written


class Thrift:
    """Structures as lists of (field, type, value), read and written without knowing what they mean."""

    def __init__(self, data, place=0):
        self.data, self.place = data, place

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.place]
            self.place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            return self.varint()
        size = {3: 1, 7: 8}.get(kind)
        if kind == 8:
            size = self.varint()
        if size is not None:
            self.place += size
            return self.data[self.place - size : self.place]
        if kind in (9, 10):
            head = self.data[self.place]
            self.place += 1
            count = self.varint() if head >> 4 == 15 else head >> 4
            return (head & 15, [self.value(head & 15) for _ in range(count)])
        return self.structure()

    def structure(self):
        fields, number = [], 0
        while True:
            head = self.data[self.place]
            self.place += 1
            if head == 0:
                return fields
            assert head >> 4, "fields are near each other in what pyarrow writes"
            number += head >> 4
            fields.append([number, head & 15, self.value(head & 15)])


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def written(kind, value):
    if kind in (1, 2):
        return b""
    if kind in (4, 5, 6):
        return varint(value)
    if kind == 8:
        return varint(len(value)) + value
    if kind in (3, 7):
        return value
    if kind in (9, 10):
        inner, values = value
        head = bytes([len(values) << 4 | inner]) if len(values) < 15 else bytes([0xF0 | inner]) + varint(len(values))
        return head + b"".join(written(inner, v) for v in values)
    out, last = b"", 0
    for number, kind, inner in value:
        out += bytes([number - last << 4 | kind]) + written(kind, inner)
        last = number
    return out + b"\0"


def field(structure, number):
    return next(f for f in structure if f[0] == number)


def changed(source, target, change):
    """Writes `source` again with its footer, and perhaps its pages, changed."""
    data = open(source, "rb").read()
    size = struct.unpack("<I", data[-8:-4])[0]
    footer = Thrift(data[-8 - size : -8]).structure()
    pages = change(bytearray(data[: -8 - size]), footer)
    footer = written(12, footer)
    open(target, "wb").write(pages + footer + struct.pack("<I", len(footer)) + b"PAR1")


# Lists of two levels: the repeated field is the element. Without nulls the levels are those of three.
element = pa.field("element", pa.int32(), nullable=False)
pair = pa.struct([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string(), nullable=False)])
legacy = pa.table(
    {
        "numbers": pa.array([[1, 2], [], None, [3]], pa.list_(element)),
        "pairs": pa.array([[{"a": 1, "b": "x"}], [], [{"a": 2, "b": "y"}, {"a": 3, "b": ""}], None], pa.list_(pa.field("element", pair, nullable=False))),
    }
)
pq.write_table(legacy, "legacy-lists.parquet", compression="none", store_schema=False, write_statistics=False)


def flatten(pages, footer):
    kind, schema = field(footer, 2)[2]
    names = [field(s, 4)[2] for s in schema]
    assert names == [b"schema", b"numbers", b"list", b"element", b"pairs", b"list", b"element", b"a", b"b"], names
    for place in (3, 6):
        field(schema[place], 3)[2] = 4  # repeated (2, in zigzag)
        field(schema[place], 4)[2] = b"array"
    del schema[5], schema[2]
    for group in field(footer, 4)[2][1]:
        for column in field(group, 1)[2][1]:
            path = field(field(column, 3)[2], 3)[2][1]
            path[1:3] = [b"array"]
    return pages


changed("legacy-lists.parquet", "legacy-lists.parquet", flatten)
twin(legacy, "legacy-lists.jsonl")

# The older LZ4 codec: Hadoop's frames around the same blocks, and the same number over a raw block.
lz4 = pa.table({"text": ["the same words again and again, " * 9, "and again, " * 7]})
pq.write_table(lz4, "lz4-raw.parquet", compression="lz4", use_dictionary=False, write_statistics=False, store_schema=False)


def old_codec(pages, footer):
    for group in field(footer, 4)[2][1]:
        for column in field(group, 1)[2][1]:
            field(field(column, 3)[2], 4)[2] = 10  # LZ4 (5, in zigzag)
    return pages


def hadoop(pages, footer):
    old_codec(pages, footer)
    reader = Thrift(pages, 4)
    head = reader.structure()
    block = bytes(pages[reader.place :])
    size = field(head, 2)[2] // 2
    assert field(head, 3)[2] // 2 == len(block)
    field(head, 3)[2] += 16
    metadata = field(field(field(footer, 4)[2][1][0], 1)[2][1][0], 3)[2]
    pages = pages[:4] + written(12, head) + struct.pack(">II", size, len(block)) + block
    field(metadata, 7)[2] = 2 * (len(pages) - 4)
    return pages


changed("lz4-raw.parquet", "lz4-old-number.parquet", old_codec)
changed("lz4-raw.parquet", "lz4-hadoop.parquet", hadoop)
twin(lz4, "lz4.jsonl")
