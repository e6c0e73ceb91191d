"""Tables, databases and archives that are not read, and files that hold no data of the kind at all."""

from workloads.readers.foreign.signs import keyed, magic, named, surest, zipped
from workloads.readers.formats import FileFormat, refused
from workloads.readers.tables.layers import TABLE

_TO_SPARSE = "convert it to .mtx, .npz or .csv"

STORES: tuple[FileFormat, ...] = (
    refused("an Apache Parquet table", magic(b"PAR1"), _TO_SPARSE),
    refused(
        "an Apache Arrow or Feather table",
        surest(magic(b"ARROW1", b"FEA1"), named(r"\.(arrow|feather|ipc)$")),
        _TO_SPARSE,
    ),
    refused("an Apache Avro or ORC table", surest(magic(b"Obj\x01"), named(r"\.orc$")), _TO_SPARSE),
    refused(
        "an Excel spreadsheet or another Office document (.xlsx)",
        zipped(r"^\[Content_Types\]\.xml$"),
        "save the sheet as CSV",
    ),
    refused("an OpenDocument spreadsheet (.ods)", zipped(r"^mimetype$"), "save the sheet as CSV"),
    refused("an old Excel spreadsheet (.xls)", magic(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "save the sheet as CSV"),
    refused("an SQLite database", magic(b"SQLite format 3\x00"), "export the table as CSV"),
    refused(
        "R's own data file",
        surest(
            magic(
                b"RDX2\n",
                b"RDX3\n",
                b"RDA2\n",
                b"RDA3\n",
                b"X\n\x00\x00\x00\x02",
                b"X\n\x00\x00\x00\x03",
                b"A\n2\n",
                b"A\n3\n",
            ),
            named(r"\.(rds|rdata|rda)$"),
        ),
        "write the matrix with Matrix::writeMM",
    ),
    refused("a Zarr array", named(r"^(zarr\.json|\.zarray|\.zgroup|\.zattrs)$"), "save it as .npz or .h5ad"),
    refused("data compressed by Zstandard", magic(b"\x28\xb5\x2f\xfd"), "decompress it with `zstd -d`"),
    refused("data compressed by LZ4", magic(b"\x04\x22\x4d\x18"), "decompress it with `lz4 -d`"),
    refused("data compressed by compress (.Z)", magic(b"\x1f\x9d\x90"), "decompress it with `uncompress`"),
    refused("data compressed by Snappy", magic(b"\xff\x06\x00\x00sNaPpY"), "decompress it"),
    refused("a 7-Zip archive", magic(b"7z\xbc\xaf\x27\x1c"), "unpack it and give the file meant"),
    refused("a RAR archive", magic(b"Rar!\x1a\x07"), "unpack it and give the file meant"),
)

"""Tables, databases and compressed data."""

OTHERS: tuple[FileFormat, ...] = (
    refused("a PDF document", magic(b"%PDF-"), "give the file of the matrix or the layers", holds_data=False),
    refused(
        "a picture",
        magic(
            b"\x89PNG\r\n",
            b"\xff\xd8\xff\xe0",
            b"\xff\xd8\xff\xe1",
            b"\xff\xd8\xff\xdb",
            b"GIF8",
            b"II*\x00",
            b"MM\x00*",
            b"RIFF",
        ),
        "give the file of the matrix or the layers",
        holds_data=False,
    ),
    refused(
        "a program", magic(b"\x7fELF", b"MZ\x90\x00\x03", b"\xcf\xfa\xed\xfe"), "give a file of data", holds_data=False
    ),
    refused(
        "a model's configuration in JSON (config.json), which holds sizes and no weights",
        keyed(
            "architectures",
            "model_type",
            "_class_name",
            "quantization_config",
            "peft_type",
            "desc_act",
            "multiple_of",
            "n_heads",
            "transformers_version",
        ),
        "give the .safetensors file beside it, or the folder of both",
    ),
    refused(
        "a tokenizer's or another tool's settings in JSON",
        keyed("added_tokens", "tokenizer_class", "bos_token", "do_resize", "auto_mapping", "chat_template"),
        "give the .safetensors file beside it",
        holds_data=False,
    ),
    refused("JSON", named(r"\.json$"), f"convert it to .mtx or .npz, or give {TABLE}", holds_data=False),
)
"""Documents, pictures, programs, settings."""
