"""The kernels of SAM's evaluation as graphs: an expression and an order of its indices fix the blocks and their wires.

Hsu et al., ASPLOS 2023; wires as in the applications of https://github.com/weiya711/sam. B is stored
by the order in which its indices are visited, both levels compressed, and so is C.
"""

from collections.abc import Callable

from scipy.sparse import csr_array

from experiments.common.validation.sam_machine.graph import Graph, StreamRun
from experiments.common.validation.sam_machine.streams import ROOT, Stream, compressed_levels, vector_level

Operand = csr_array | int
"""C: a sparse matrix or column vector; for SDDMM the number of columns of its dense factors."""


def elemadd(b: csr_array, c: csr_array) -> StreamRun:
    """X(i,j) = B(i,j) + C(i,j). Shapes [m, n], [m, n]."""
    graph = Graph()
    (b_rows, b_columns), (c_rows, c_columns) = compressed_levels(b), compressed_levels(c)
    i, b_i, c_i = graph.union("i", graph.scan("Bi", b_rows, ROOT), graph.scan("Ci", c_rows, ROOT))
    j, b_j, c_j = graph.union("j", graph.scan("Bj", b_columns, b_i), graph.scan("Cj", c_columns, c_i))
    return graph.written(i, j, graph.arithmetic(b_j.later(), c_j.later()))


def elemmul(b: csr_array, c: csr_array) -> StreamRun:
    """X(i,j) = B(i,j) C(i,j). Shapes [m, n], [m, n]."""
    graph = Graph()
    (b_rows, b_columns), (c_rows, c_columns) = compressed_levels(b), compressed_levels(c)
    i, b_i, c_i = graph.intersect("i", graph.scan("Bi", b_rows, ROOT), graph.scan("Ci", c_rows, ROOT))
    j, b_j, c_j = graph.intersect("j", graph.scan("Bj", b_columns, b_i), graph.scan("Cj", c_columns, c_i))
    return graph.written(*graph.drop_empty("i", i, j), graph.arithmetic(b_j.later(), c_j.later()))


def spmv_ij(b: csr_array, c: csr_array) -> StreamRun:
    """x(i) = sum_j B(i,j) c(j), row by row: c is scanned anew for each row of B. Shapes [m, n], [n, 1]."""
    graph = Graph()
    b_rows, b_columns = compressed_levels(b)
    i, b_i = graph.scan("Bi", b_rows, ROOT)
    c_i = graph.repeat("ci", ROOT, i)
    _, c_j, b_j = graph.intersect("j", graph.scan("cj", vector_level(c), c_i), graph.scan("Bj", b_columns, b_i))
    return graph.written(i, graph.reduce("j", graph.arithmetic(b_j.later(), c_j.later())))


def spmv_ji(b: csr_array, c: csr_array) -> StreamRun:
    """x(i) = sum_j B(i,j) c(j), column by column of B, where c is not zero. Shapes [m, n], [n, 1]."""
    graph = Graph()
    b_columns, b_rows = compressed_levels(b.T)
    _, b_j, c_j = graph.intersect("j", graph.scan("Bj", b_columns, ROOT), graph.scan("cj", vector_level(c), ROOT))
    i, b_i = graph.scan("Bi", b_rows, b_j)
    c_i = graph.repeat("ci", c_j, i)
    values = graph.arithmetic(c_i.later(), b_i.later())
    one_row = Stream(i.token.clip(max=0), i.cycle)
    return graph.written(graph.accumulate_rows("i", one_row, i, values))


def matmul_ijk(b: csr_array, c: csr_array) -> StreamRun:
    """X(i,j) = sum_k B(i,k) C(k,j), inner product: each row of B meets each column of C. Shapes [m, k], [k, n]."""
    graph = Graph()
    (b_rows, b_columns), (c_columns, c_rows) = compressed_levels(b), compressed_levels(c.T)
    i, b_i = graph.scan("Bi", b_rows, ROOT)
    j, c_j = graph.scan("Cj", c_columns, graph.repeat("Ci", ROOT, i))
    b_j = graph.repeat("Bj", b_i, j)
    _, b_k, c_k = graph.intersect("k", graph.scan("Bk", b_columns, b_j), graph.scan("Ck", c_rows, c_j))
    return graph.written(i, j, graph.reduce("k", graph.arithmetic(b_k.later(), c_k.later())))


def matmul_ikj(b: csr_array, c: csr_array) -> StreamRun:
    """X(i,j) = sum_k B(i,k) C(k,j), Gustavson: a row of B selects rows of C to be summed. Shapes [m, k], [k, n]."""
    graph = Graph()
    (b_rows, b_columns), (c_rows, c_columns) = compressed_levels(b), compressed_levels(c)
    i, b_i = graph.scan("Bi", b_rows, ROOT)
    c_i = graph.repeat("Ci", ROOT, i)
    k, c_k, b_k = graph.intersect("k", graph.scan("Ck", c_rows, c_i), graph.scan("Bk", b_columns, b_i))
    j, c_j = graph.scan("Cj", c_columns, c_k)
    row = graph.repeat("i over j", graph.repeat("i over k", i, k), j)
    b_j = graph.repeat("Bj", b_k, j)
    values = graph.arithmetic(b_j.later(), c_j.later())
    return graph.written(i, graph.accumulate_rows("j", row, j.later(), values))


def matmul_kij(b: csr_array, c: csr_array) -> StreamRun:
    """X(i,j) = sum_k B(i,k) C(k,j), outer product: all is summed before any of it is written. Shapes [m, k], [k, n]."""
    graph = Graph()
    (b_columns, b_rows), (c_rows, c_columns) = compressed_levels(b.T), compressed_levels(c)
    _, b_k, c_k = graph.intersect("k", graph.scan("Bk", b_columns, ROOT), graph.scan("Ck", c_rows, ROOT))
    i, b_i = graph.scan("Bi", b_rows, b_k)
    j, c_j = graph.scan("Cj", c_columns, graph.repeat("Ci", c_k, i))
    row = graph.repeat("i over j", i, j)
    b_j = graph.repeat("Bj", b_i, j)
    values = graph.arithmetic(b_j.later(), c_j.later())
    return graph.written(graph.accumulate_all("ij", row, j.later(), values))


def sddmm(b: csr_array, inner: int) -> StreamRun:
    """X(i,j) = B(i,j) sum_k C(i,k) D(k,j), C and D dense, read where B is not zero. Shape [m, n], k columns of C."""
    graph = Graph()
    b_rows, b_columns = compressed_levels(b)
    i, b_i = graph.scan("Bi", b_rows, ROOT)
    j, b_j = graph.scan("Bj", b_columns, b_i)
    d = graph.scan("Dk", inner, j)
    c = graph.scan("Ck", inner, graph.repeat("Cj", i, j))
    k, c_k, d_k = graph.intersect("k", c, d)
    b_k = graph.repeat("Bk", b_j, k)
    products = graph.arithmetic(graph.arithmetic(b_k.later(), c_k.later()), d_k.later())
    return graph.written(i, j, graph.reduce("k", products))


SAM_KERNELS: dict[str, Callable[..., StreamRun]] = {
    kernel.__name__: kernel
    for kernel in (elemadd, elemmul, spmv_ij, spmv_ji, matmul_ijk, matmul_ikj, matmul_kij, sddmm)
}


def run_kernel(kernel: str, b: csr_array, c: Operand) -> StreamRun:
    """Cycles of a kernel, by its name in `SAM_KERNELS`, on the patterns of B and C; their values do not matter.

    Shapes: element-wise [m, n] and [m, n]; `spmv_*` [m, n] and [n, 1]; `matmul_*` [m, k] and [k, n]; `sddmm` [m, n] and
    the number k. **Raises** `ValueError` for an unknown kernel or operands that do not fit each other.
    """
    if kernel not in SAM_KERNELS:
        raise ValueError(f"kernel is {kernel!r}; it must be one of {', '.join(SAM_KERNELS)}.")
    if (kernel == "sddmm") != isinstance(c, int):
        raise ValueError(f"C of {kernel} must be {'a number of columns' if kernel == 'sddmm' else 'a sparse matrix'}.")
    if isinstance(c, int):
        if c < 1:
            raise ValueError(f"C of sddmm is {c} columns; give at least 1.")
    else:
        needed = b.shape if kernel.startswith("elem") else (b.shape[1], 1 if kernel.startswith("spmv") else c.shape[1])
        if c.shape != needed:
            raise ValueError(f"C of {kernel} is {c.shape[0]} x {c.shape[1]}; B demands {needed[0]} x {needed[1]}.")
    return SAM_KERNELS[kernel](b, c)
