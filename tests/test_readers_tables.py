"""Tables of layers: one network is one network, in whatever dialect of a table it is written."""

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads import DensityKernel, InputError, resolve_workload
from workloads.densities import NM, Dense, Uniform
from workloads.readers.loading import describe

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CONVOLUTION = "name,ifmap height,ifmap width,filter height,filter width,channels,num filter,strides\n"
PRODUCT = "name,M,N,K\n"


def kernels(path: Path, content: str | bytes) -> list[DensityKernel]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(resolve_workload(str(path)).kernels)


@st.composite
def products(draw: st.DrawFn) -> list[DensityKernel]:
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True), min_size=1, max_size=5, unique=True))
    sizes = st.integers(1, 5000)
    densities = st.sampled_from([Dense(), Uniform(0.5), Uniform(0.125), NM(2, 4), NM(1, 8)])
    return [
        DensityKernel(n, draw(sizes), draw(sizes), draw(sizes), draw(densities), repeats=float(draw(st.integers(1, 9))))
        for n in names
    ]


def cells(kernel: DensityKernel, decimal: str, rng: random.Random) -> dict[str, str]:
    a = kernel.a
    share = f"{a.n}:{a.m}" if isinstance(a, NM) else f"{a.density:g}"
    if not isinstance(a, NM) and rng.random() < 0.4:
        share = f"{a.density * 100:g} %"
    whole = (lambda size: f"{size}{decimal}0") if rng.random() < 0.3 else str
    sizes = {"M": whole(kernel.m), "N": whole(kernel.n), "K": whole(kernel.k)}
    return {"name": kernel.name, **sizes, "density": share.replace(".", decimal), "repeats": f"{kernel.repeats:g}"}


@QUICK
@given(layers=products(), seed=st.integers(0, 2**32))
def test_every_dialect_of_a_table_is_the_same_network(layers: list, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    separator = rng.choice([",", "\t", ";", "|"])
    quoted = rng.random() < 0.5
    columns = ["name", "M", "N", "K", "density", "repeats"]
    rng.shuffle(columns)
    extra = rng.choice([None, "dtype", "", "Unnamed: 0"])
    if extra is not None:
        columns.insert(rng.choice([0, len(columns)]) if extra else 0, extra)
    spelt = {c: rng.choice([c, c.upper(), c.lower(), f" {c} "]) for c in columns}
    spelt["name"] = rng.choice(["name", "Layer", "Layer Name", "layer-name"])
    quote = (lambda text: f'"{text}"') if quoted else (lambda text: text)
    lines = [separator.join(quote(spelt[c]) for c in columns)]
    decimal = "," if separator == ";" else "."
    for at, layer in enumerate(layers):
        row = {"dtype": "int8", "": str(at), "Unnamed: 0": str(at), **cells(layer, decimal, rng)}
        lines.append(separator.join(quote(row[c]) for c in columns) + rng.choice(["", separator, separator * 3]))
        lines += rng.choice([[], [""], ["# a comment"], [separator * 7], [lines[0]]])
    lines = rng.choice([[], ["# my net", ""], ["sep=;"] if separator == ";" else []]) + lines
    text = rng.choice(["\n", "\r\n"]).join(lines) + rng.choice(["", "\n"])
    content = text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    assert kernels(tmp_path / rng.choice(["net.csv", "net.tsv", "net.txt", "net"]), content) == layers


def test_what_a_table_says_of_zeros(tmp_path: Path) -> None:
    def read(heading: str, row: str) -> DensityKernel:
        (found,) = kernels(tmp_path / "net.csv", f"name,M,N,K,{heading}\nx,8,4,16,{row}\n")
        return found

    assert read("sparsity", "0.9") == DensityKernel("x", 8, 16, 4, Uniform(0.1))
    assert read("sparsity", "75%") == read("density", "25%") == read("density (%)", "25") == read("density", "0.25")
    assert read("sparsity,sparsity_b", "0,0.5") == DensityKernel("x", 8, 16, 4, Dense(), Uniform(0.5))
    assert read("weight sparsity,activation density", "0.5,0.5") == DensityKernel(
        "x", 8, 16, 4, Uniform(0.5), Uniform(0.5)
    )
    assert read("sparsity", "1:4") == DensityKernel("x", 4, 16, 8, NM(1, 4))  # SCALE-Sim's filters are [K, N]
    assert read("density", "1:4") == DensityKernel("x", 8, 16, 4, NM(1, 4))
    assert read("density", "4:4") == DensityKernel("x", 8, 16, 4, Dense())
    assert read("sparsity", "1:1") == DensityKernel("x", 4, 16, 8, Dense())
    assert read("sparsity ratio,density_b_pct", "0.5,25") == DensityKernel("x", 8, 16, 4, Uniform(0.5), Uniform(0.25))
    assert read("batch", "3") == DensityKernel("x", 8, 16, 4, Dense(), repeats=3.0)


def test_convolutions_of_scale_sim(tmp_path: Path) -> None:
    def read(heading: str, row: str) -> DensityKernel:
        (found,) = kernels(tmp_path / "net.csv", f"Layer name, {heading},\n,,,,,\n\tc, {row},\n")
        positions = found.unfolding and found.unfolding.positions
        assert positions is None or found.n % positions == 0
        return dataclasses.replace(found, unfolding=None)

    usual = "IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter"
    assert read(f"{usual}, Strides", "224,224,7,7,3,64,2") == DensityKernel("c", 64, 147, 110 * 110, Dense())
    twins = usual.replace("Height", "Width")
    assert read(f"{twins}, Strides", "700,161,41,11,1,32,2") == DensityKernel("c", 32, 451, 331 * 76, Dense())
    apart = read(f"{usual}, Stride height, Stride width", "9,9,3,3,1,2,2,3")
    assert apart == DensityKernel("c", 2, 9, 4 * 3, Dense())
    batched = read(f"{usual}, Strides, Batch Size, Sparsity", "9,9,3,3,4,2,1,5,1:4")
    assert batched == DensityKernel("c", 2, 36, 49 * 5, NM(1, 4))
    assert read(f"{usual}, Strides, padding", "224,224,7,7,3,64,2,3").n == 112 * 112
    assert read(f"{usual}, Strides, padding", "224,224,7,7,3,64,2,0").n == 109 * 109
    padded = read(f"{usual}, Strides, padding, dilation, groups", "9,9,3,3,4,2,1,2,2,2")
    assert padded == DensityKernel("c", 1, 18, 81, Dense(), repeats=2.0)
    assert read(f"{usual}, Strides, Eh, Ew", "9,9,3,3,4,2,1,7,7").n == 49


HANGING = "IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides"


@QUICK
@given(
    map=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    of_group=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    steps=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    padding=st.integers(0, 2) | st.none(),
)
def test_convolutions_meet_their_maps(map, kernel, of_group, steps, padding, tmp_path: Path) -> None:
    """Each position of B is the activation that a walk of one group's filters meets, of whatever geometry."""
    down, right, dilation, groups = steps
    heading = "IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Stride height,Stride width"
    row = [*map, *kernel, of_group[0] * groups, of_group[1] * groups, down, right]
    if padding is None:  # as SCALE-Sim's: what hangs over the map counts
        dilation = groups = 1
        row[4:6] = of_group
    else:
        heading, row = f"{heading},padding,dilation,groups", [*row, padding, dilation, groups]
    path = tmp_path / "net.csv"
    path.write_text(f"name,{heading}\nc,{','.join([str(one) for one in row])}\n")
    pad, reach = padding or 0, [(taps - 1) * dilation + 1 for taps in kernel]
    spare = [side + 2 * pad - one for side, one in zip(map, reach, strict=True)]
    if min(spare) < 0:
        return
    up = padding is None
    out = [(-(-one // step) if up else one // step) + 1 for one, step in zip(spare, (down, right), strict=True)]
    (layer,) = describe(path).layers
    of = layer.unfolding
    assert of is not None
    assert (layer.repeats, layer.columns) == (groups, out[0] * out[1])
    source = of.source(*np.indices((of.rows, layer.columns)))
    maps = np.arange(of_group[0] * map[0] * map[1]).reshape(of_group[0], *map)
    for (tap, place), found in np.ndenumerate(source):
        channel, y, x = np.unravel_index(tap, (of_group[0], *kernel))
        oy, ox = np.unravel_index(place, out)
        y, x = oy * down + y * dilation - pad, ox * right + x * dilation - pad
        assert found == (maps[channel, y, x] if 0 <= y < map[0] and 0 <= x < map[1] else -1)


def test_what_a_table_leaves_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.csv"

    def notes(text: str) -> str:
        path.write_text(text)
        return " ".join(describe(path).notes)

    assert "rounded up, as in SCALE-Sim" in notes(f"name,{HANGING}\nc,224,224,7,7,3,64,2\n")
    assert not notes(f"name,{HANGING}\nc,225,225,7,7,3,64,2\n")
    assert not notes(f"name,{HANGING},padding\nc,224,224,7,7,3,64,2,3\n")
    assert "'sparsity %' is read in percent" in notes("name,M,N,K,sparsity %\nx,8,4,16,0.5\ny,8,4,16,1\n")
    assert not notes("name,M,N,K,sparsity %\nx,8,4,16,0.5\ny,8,4,16,90\n")
    assert not notes("name,M,N,K,sparsity %\nx,8,4,16,0.5%\n")
    assert "'density_C', 'time (us)'" in notes("name,M,N,K,density_C,time (us)\nx,8,4,16,0.5,3\n")
    assert "in all lines its filters" in notes("name,M,N,K,sparsity\nx,8,4,16,0.5\ny,8,4,16,2:4\n")
    assert [(one.shape, one.columns) for one in describe(path).layers] == [((4, 16), 8), ((4, 16), 8)]
    assert "'R', 'groups'" not in notes("name,M,N,K,R,S,B,groups,nnz\nx,8,4,16,1,1,,1,\n")


@pytest.mark.parametrize(
    ("heading", "cell", "fix"),
    [
        *[
            (f"name,M,N,K,{column}", "8,4,16,0.5", "name it density, sparsity, density_b or sparsity_b")
            for column in (
                "sparse_weight",
                "sparsity_of_layer",
                "nnz",
                "weight nnz",
                "Non-zeros",
                "pruning",
                "densityX",
            )
        ],
        *[(f"name,M,N,K,{column}", "8,4,16,2", "name it batch, or repeats") for column in ("B", "batched_by")],
        ("name,M,N,K,R,S", "8,4,16,3,3", "write the convolution as ifmap height"),
        ("name,M,N,K,groups", "8,4,16,2", "name it repeats"),
        (f"name,{HANGING},N", "9,9,3,3,4,4,1,8", "name it batch"),
        (f"name,{HANGING},pad_top", "9,9,3,3,4,4,1,1", "name it padding"),
        (f"name,{HANGING},dilation_h", "9,9,3,3,4,4,1,2", "name it groups, dilation or strides"),
        (f"name,{HANGING},weight_nnz", "9,9,3,3,4,4,1,2", "name it density"),
    ],
)
def test_columns_that_would_change_a_layer_are_refused(heading: str, cell: str, fix: str, tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    path.write_text(f"{heading}\nx,{cell}\n")
    with pytest.raises(InputError, match=f"line 1 has the column .* but may change what a layer is; {fix}"):
        describe(path)


def test_rows_that_are_no_layers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    path.write_text(CONVOLUTION.replace("\n", ",note\n") + "My net,\nc,9,9,3,3,2,4,1,x\nc,9,9,3,3,2,4,1,#dw\n")
    found = describe(path)
    assert [(one.name, one.shape, one.columns) for one in found.layers] == [("c", (4, 18), 49), ("c#2", (4, 18), 49)]
    assert [(one.name, one.why) for one in found.left_out] == [("My net", "a line without sizes")]
    assert found.notes == ("The columns 'note' are of no known meaning and left out.",)
    path.write_text("name,M,N,K,channels,filters,ifmap height\nx,2,3,4,9,9,9\n")
    assert describe(path).notes == ("Columns of a convolution are left out, as M, N and K stand beside them.",)
    path.write_text(CONVOLUTION.replace("\n", ",type\n") + "p,9,9,3,3,2,2,1,maxpool\nd,9,9,3,3,8,8,1,depthwise\n")
    found = describe(path)
    assert [(one.name, one.shape, one.repeats) for one in found.layers] == [("d", (1, 9), 8)]
    assert [one.name for one in found.left_out] == ["p"]
    assert [line.split() for line in str(found).splitlines()[1:3]] == [
        ["layer", "rows", "columns", "of", "A", "columns", "of", "B", "repeats", "values"],
        ["d", "1", "9", "49", "8", "Uniform(density=1.0)"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv1,64,3136,147\nfc,100,8,512\n", "table of layers without a heading, .*begin it with a line that names"),
        ("name,M,N\nx,1,2\n", "heading names no column 'k'; name all of m, n, k"),
        ("name,M,N,K,m\nx,1,2,3,4\n", "line 1 has the columns 'M' and 'm', which mean the same; keep one"),
        ("name,channels,num filter,stride,ifmap h\nx,1,2\n", "heading names no column 'ifmap_width'"),
        (CONVOLUTION + "x,2,9,3,3,1,1,1\n", "line 2: has a filter of 3 x 3 but a map of 2 x 9; add its padding"),
        (CONVOLUTION + "x,9,9,3,3,0,1,1\n", "line 2: channels is '0'; give a whole number"),
        (CONVOLUTION + "x,1,B,1,1,H,H,1\n", "line 2: ifmap_width is 'B'; give a whole number"),
        (CONVOLUTION + "x,1,1,1,1,4,4,1,9\n", "line 2 has 9 fields where the heading has 8"),
        (CONVOLUTION + "x,1,1,1,1,4\n", "line 2: num_filter is ''; give a whole number"),
        (PRODUCT, "has no line below its heading"),
        (PRODUCT + "# x,1,2,3\n", "has no line below its heading"),
        (PRODUCT + "x,,,\n", "has no line with sizes"),
        (PRODUCT + "x,1,2\n", "line 2: K is ''"),
        (PRODUCT + "\nx,1,2,3,4\n", "line 3 has 5 fields where the heading has 4"),
        (PRODUCT + "x,1,0,3\n", "line 2: N is '0'; give a whole number from 1"),
        (PRODUCT + "x,1,2,1.5\n", "line 2: K is '1.5'"),
        (PRODUCT + "x,1e9,2,3\n", "line 2: M is '1e9'"),
        (PRODUCT + "x,-1,2,3\n", "line 2: M is '-1'"),
        ("name;M;N;K\nx;1.024;2;3\n", "line 2: M is '1.024'"),
        ("name,M,N,K,density\nx,1,2,3,1\ny,1,2,3,0\n", "line 3: density is '0', which leaves no non-zero"),
        ("name,M,N,K,sparsity\nx,1,2,3,1\n", "line 2: sparsity is '1', which leaves no non-zero"),
        ("name,M,N,K,density\nx,1,2,3,50\n", "line 2: density is '50'; give a share of 0 to 1, a percentage"),
        ("name,M,N,K,density\nx,1,2,3,5:4\n", "line 2: density is '5:4'; give N:M"),
        ("name,M,N,K,density,sparsity\nx,1,2,3,1,0\n", "line 2: has both density and sparsity; keep one"),
        ("name,M,N,K,density_b\nx,1,2,3,nan\n", "line 2: density_b is 'nan'"),
        ("name,M,N,K,repeats\nx,1,2,3,-1\n", "line 2: repeats is '-1'; give a number above 0"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.csv"
    with pytest.raises(InputError, match=message) as caught:
        kernels(path, text)
    assert str(caught.value).startswith(str(path))


def test_damaged_tables_are_one_sentence_or_still_a_network(tmp_path: Path) -> None:
    rng, path, said = random.Random(0), tmp_path / "net.csv", []
    sound = (PRODUCT.replace("\n", ",density\n") + "a,3,4,5,0.5\nb,6,7,8,2:4\n").encode()
    for _ in range(200):
        at, damaged = rng.randrange(len(sound)), bytearray(sound)
        damaged[at : at + rng.choice([0, 3, len(sound)])] = rng.randbytes(rng.randrange(4))
        try:
            assert kernels(path, bytes(damaged))
        except InputError as error:
            said.append(str(error))
    assert len(said) > 10
    assert not [sentence for sentence in said if "\n" in sentence or not sentence.startswith(str(path))]
