"""``python -m fmg_rt.serve.protocol``: make ``descriptors.binpb`` again; needs grpcio-tools."""

import sys
from pathlib import Path


def compile_descriptors(target: Path) -> int:
    """Write the descriptor set of the ``.proto`` files beside this module; returns the compiler's exit code."""
    import grpc_tools
    from grpc_tools import protoc

    here = Path(__file__).parent
    standard = Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(path.name for path in here.glob("*.proto"))
    arguments = ["protoc", f"-I{here}", f"-I{standard}", "--include_imports", f"--descriptor_set_out={target}", *files]
    return int(protoc.main(arguments))


if __name__ == "__main__":
    sys.exit(compile_descriptors(Path(__file__).parent / "descriptors.binpb"))
