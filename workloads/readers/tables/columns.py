"""What a column of a table of layers is called, and what it means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

PRODUCT = ("m", "n", "k")
CONVOLUTION = ("ifmap_height", "ifmap_width", "filter_height", "filter_width", "channels", "num_filter")

_SPELLINGS = {
    "name": "layer_name layername layer l operator operation op node module gemm",
    "m": "size_m dim_m gemm_m m_dim",
    "n": "size_n dim_n gemm_n n_dim",
    "k": "size_k dim_k gemm_k k_dim",
    "ifmap_height": "ifmap_h ifmap_rows input_height input_h in_height in_h ih ifm_height ifm_h",
    "ifmap_width": "ifmap_w ifmap_cols ifmap_columns input_width input_w in_width in_w iw ifm_width ifm_w",
    "filter_height": "filter_h filter_rows kernel_height kernel_h filt_h kh",
    "filter_width": "filter_w filter_cols filter_columns kernel_width kernel_w filt_w kw",
    "channels": "channel num_channels num_channel input_channels in_channels ifmap_channels cin",
    "num_filter": "num_filters filters number_of_filters output_channels out_channels cout",
    "strides": "stride",
    "stride_height": "stride_h strides_height strides_h",
    "stride_width": "stride_w strides_width strides_w",
    "padding": "pad pads paddings",
    "dilation": "dilations",
    "groups": "group num_groups",
    "batch": "batch_size batch_count batches batchsize minibatch mini_batch num_batches",
    "density": "density_a a_density weight_density weights_density density_weight density_weights density_w",
    "density_b": "b_density activation_density activations_density input_density density_activation density_input",
    "sparsity": "sparsity_a a_sparsity weight_sparsity weights_sparsity sparsity_weight sparsity_weights sparsity_w",
    "sparsity_b": "b_sparsity activation_sparsity activations_sparsity input_sparsity sparsity_activation",
    "kind": "type layer_type op_type operator_type",
    "repeats": "repeat repetitions count times occurrences occurrence multiplicity",
}
_NAMES = ("name", *_SPELLINGS["name"].split())
"""In order of preference where several columns could be the name."""
_ROLES = {spelling: role for role, more in _SPELLINGS.items() for spelling in (role, *more.split())}
_CONVOLVES = "write the convolution as ifmap height, ifmap width, filter height, ..., or remove it"
_ZEROS = (
    re.compile(r".*(spars|densit|nnz|non_?zero|num_zeros|prun).*"),
    ("",),
    "name it density, sparsity, density_b or sparsity_b, whichever it is, or remove it",
)
_BATCH = (
    re.compile(r".*batch(?!_?norm).*|b|n"),
    ("", "1"),
    "name it batch, or repeats where it counts products, or remove it",
)
_BESIDE_PRODUCTS = (
    _ZEROS,
    _BATCH,
    (re.compile(r"groups|g"), ("", "1"), "name it repeats, with the sizes of one group, or remove it"),
    (re.compile(r"[chpqrsw]"), ("", "1"), _CONVOLVES),
)
_BESIDE_CONVOLUTIONS = (
    _ZEROS,
    _BATCH,
    (re.compile(r"g|.*(group|dilat|stride).*"), ("", "1"), "name it groups, dilation or strides, or remove it"),
    (re.compile(r".*pad.*"), ("", "0"), "name it padding, with that of each side, or remove it"),
)
"""Names of columns that would change a layer, the cells that would not, and what to do about others."""
_OF_RESULT = r"(c|z|o|out|output|result|ofmap)"
_RESULT = re.compile(rf"(density|sparsity|nnz)_{_OF_RESULT}|{_OF_RESULT}_(density|sparsity|nnz)")
"""What is known of zeros of the result."""
_TWINS = (("ifmap_height", "ifmap_width"), ("filter_height", "filter_width"), ("stride_height", "stride_width"))


@dataclass(frozen=True)
class Column:
    """A column of a heading."""

    role: str
    """What it means; empty where that is unknown."""
    text: str
    """As the file has it."""
    percent: bool = False


def columns_of(heading: list[str]) -> list[Column]:
    """The columns of a heading, blank ones at its end cut off.

    Where one of a pair (`IFMAP Width, IFMAP Width`, as in SCALE-Sim's DeepSpeech2.csv) comes twice and the other is
    missing, the first is the height.
    """
    found = [_column(text) for text in heading]
    while found and not found[-1].text:
        found.pop()
    names = sorted(
        (at for at, one in enumerate(found) if one.role == "name"), key=lambda at: _NAMES.index(_plain(found[at].text))
    )
    for at in names[1:]:
        found[at] = Column("", found[at].text)
    roles = [one.role for one in found]
    for first, second in _TWINS:
        for twice, missing in ((second, first), (first, second)):
            if roles.count(twice) == 2 and missing not in roles:
                places = [at for at, role in enumerate(roles) if role == twice]
                for at, role in zip(places, (first, second), strict=True):
                    found[at] = Column(role, found[at].text, found[at].percent)
    return found


def is_heading(columns: list[Column]) -> bool:
    """Whether columns describe layers: enough of their sizes are named."""
    roles = {one.role for one in columns}
    named = len(roles.intersection(PRODUCT))
    return named == 3 or (named == 2 and "name" in roles) or len(roles.intersection(CONVOLUTION)) >= 3


def would_change(column: Column, cells: Iterable[str], convolving: bool) -> str:
    """What to do about a column that is not read though it may change what layers are; empty where it does not."""
    plain = _plain(column.text)
    if _RESULT.fullmatch(plain):
        return ""
    for names, harmless, fix in _BESIDE_CONVOLUTIONS if convolving else _BESIDE_PRODUCTS:
        if names.fullmatch(plain) and any(cell not in harmless for cell in cells):
            return fix
    return ""


def _column(text: str) -> Column:
    text = " ".join(text.replace("\u00a0", " ").split())
    return Column(_ROLES.get(_plain(text), ""), text, re.search(r"%|percent|pct", text.lower()) is not None)


def _plain(text: str) -> str:
    """Lower case, words joined by underscores, without what stands in brackets."""
    bare = re.sub(r"[(\[].*?[)\]]|%|#", " ", text).strip().lower()
    plain = re.sub(r"[\s\-./]+", "_", bare).strip("_")
    return re.sub(r"(.*(?:sparsity|density).*)_(?:percentage|percent|pct|ratio|rate|fraction|level)", r"\1", plain)
