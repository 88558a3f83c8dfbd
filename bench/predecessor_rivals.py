"""The predecessor's network in eager PyTorch and in onnxruntime, one thread each, for a race with ours.

Each takes mel (1, 7, 80) and egemaps (1, 88), standardised, and gives (1, 52). The tensors are those of a weight file.
"""

from collections.abc import Callable, Mapping

import numpy as np

Rival = Callable[[np.ndarray, np.ndarray], np.ndarray]
_NORMS = {
    "audio_encoder.mel_encoder.1": 256,
    "audio_encoder.egemaps_encoder.1": 256,
    "cross_attention.layer_norm": 256,
    "blendshape_mlp.mlp.1": 512,
    "blendshape_mlp.mlp.5": 512,
}


def torch_rival(tensors: Mapping[str, np.ndarray]) -> Rival:
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    t = {name: torch.tensor(value) for name, value in tensors.items()}

    def linear(name, x):
        return functional.linear(x, t[f"{name}.weight"], t[f"{name}.bias"])

    def norm(name, x):
        return functional.layer_norm(x, (_NORMS[name],), t[f"{name}.weight"], t[f"{name}.bias"])

    def encode(name, x):
        return torch.relu(norm(f"audio_encoder.{name}.1", linear(f"audio_encoder.{name}.0", x)))

    def heads(x):
        return x.view(*x.shape[:-1], 8, 32).transpose(-2, -3)

    @torch.inference_mode()
    def forward(mel, egemaps):
        mel, egemaps = torch.from_numpy(mel), torch.from_numpy(egemaps)
        frames = encode("mel_encoder", mel) + t["audio_encoder.mel_pos_encoding"]
        tokens = torch.cat([frames, encode("egemaps_encoder", egemaps)[:, None]], 1)
        query = linear("embed_proj", t["base_embeddings"])
        q, k, v = (heads(linear(f"cross_attention.w_{n}", x)) for n, x in (("q", query), ("k", tokens), ("v", tokens)))
        context = ((q @ k.transpose(-1, -2) * 32**-0.5).softmax(-1) @ v).transpose(-2, -3).flatten(-2)
        x = norm("cross_attention.layer_norm", query + linear("cross_attention.w_o", context))
        x = functional.gelu(norm("blendshape_mlp.mlp.1", linear("blendshape_mlp.mlp.0", x)))
        x = functional.gelu(norm("blendshape_mlp.mlp.5", linear("blendshape_mlp.mlp.4", x)))
        return torch.sigmoid(linear("blendshape_mlp.mlp.8", x))[..., 0].numpy()

    return forward


def onnx_rival(tensors: Mapping[str, np.ndarray]) -> Rival:
    """With every constant folded that can be: the queries are an initializer, and a linear layer is one MatMul and Add."""
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper

    exact = {name: value.astype(np.float64) for name, value in tensors.items()}
    query = exact["base_embeddings"] @ exact["embed_proj.weight"].T + exact["embed_proj.bias"]
    q = query @ exact["cross_attention.w_q.weight"].T + exact["cross_attention.w_q.bias"]
    constants, nodes = {}, []

    def constant(name, value):
        constants[name] = np.ascontiguousarray(value, value.dtype if value.dtype == np.int64 else np.float32)
        return name

    def node(kind, *inputs, **attributes):
        out = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def linear(name, x):
        product = node("MatMul", x, constant(f"{name}.weight", tensors[f"{name}.weight"].T))
        return node("Add", product, constant(f"{name}.bias", tensors[f"{name}.bias"]))

    def norm(name, x):
        gain, shift = (constant(f"{name}.{part}", tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        return node("LayerNormalization", x, gain, shift, axis=-1, epsilon=1e-5)

    def encode(name, x):
        return node("Relu", norm(f"audio_encoder.{name}.1", linear(f"audio_encoder.{name}.0", x)))

    frames = node("Add", encode("mel_encoder", "mel"), constant("positions", tensors["audio_encoder.mel_pos_encoding"]))
    last = node("Unsqueeze", encode("egemaps_encoder", "egemaps"), constant("one", np.array([1])))
    tokens = node("Concat", frames, last, axis=1)  # (1, 8, 256)
    split = constant("split", np.array([1, 8, 8, 32]))
    keys = node("Transpose", node("Reshape", linear("cross_attention.w_k", tokens), split), perm=[0, 2, 3, 1])
    values = node("Transpose", node("Reshape", linear("cross_attention.w_v", tokens), split), perm=[0, 2, 1, 3])
    queries = constant("queries", (q / np.sqrt(32)).reshape(1, 52, 8, 32).transpose(0, 2, 1, 3))
    context = node("MatMul", node("Softmax", node("MatMul", queries, keys), axis=-1), values)  # (1, 8, 52, 32)
    context = node("Reshape", node("Transpose", context, perm=[0, 2, 1, 3]), constant("joined", np.array([1, 52, 256])))
    x = node("Add", linear("cross_attention.w_o", context), constant("residual", query))
    x = norm("cross_attention.layer_norm", x)
    for layer in (0, 4):
        x = node("Gelu", norm(f"blendshape_mlp.mlp.{layer + 1}", linear(f"blendshape_mlp.mlp.{layer}", x)))
    x = node("Sigmoid", linear("blendshape_mlp.mlp.8", x))
    nodes.append(helper.make_node("Reshape", [x, constant("face", np.array([1, 52]))], ["out"]))

    def info(name, shape):
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "predecessor",
        [info("mel", [1, 7, 80]), info("egemaps", [1, 88])],
        [info("out", [1, 52])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda mel, egemaps: session.run(["out"], {"mel": mel, "egemaps": egemaps})[0]
