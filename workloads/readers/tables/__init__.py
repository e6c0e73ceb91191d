"""Networks as tables of layers and other tools' problem files.

| module | what is in it |
|---|---|
| `layer_table` | tables of sizes and densities, SCALE-Sim's topologies |
| `delimited`, `columns`, `cells` | a table's text, its heading, its cells |
| `layers` | sizes of a product or a convolution -> `found.FoundLayer` |
| `problem_yaml` | which tool's YAML a file is |
| `timeloop`, `zigzag`, `accelforge` | their problems and workloads |
| `maestro`, `caffe`, `darknet` | networks of these tools |
| `prototxt` | protocol buffers' text format |
| `contraction` | which matrix product an einsum is |
| `yaml_text` | YAML within limits |
"""

from workloads.readers.formats import FileFormat, refused
from workloads.readers.tables import caffe, darknet, layer_table, maestro, problem_yaml

FORMATS: tuple[FileFormat, ...] = (
    FileFormat("table of layers", layer_table.recognise, layer_table.read_layer_table),
    refused(
        "a table of layers without a heading",
        layer_table.recognise_without_heading,
        "begin it with a line that names its columns, as name,M,N,K",
    ),
    FileFormat("Timeloop, ZigZag or AccelForge YAML", problem_yaml.recognise, problem_yaml.read_problem_yaml),
    FileFormat("YAML", problem_yaml.recognise_yaml, problem_yaml.read_problem_yaml, in_folders=False, holds_data=False),
    FileFormat("ZigZag workload in Python", problem_yaml.recognise_python, problem_yaml.read_python),
    FileFormat("MAESTRO network", maestro.recognise, maestro.read_maestro),
    FileFormat("Caffe network", caffe.recognise, caffe.read_caffe),
    FileFormat("Darknet network", darknet.recognise, darknet.read_darknet),
)
"""Records of the formats in this room."""
