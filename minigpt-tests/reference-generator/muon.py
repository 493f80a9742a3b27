"""Writes muon.f64.safetensors: matrices before and after four steps of Muon, in double.

    python3 muon.py ../src/test/resources/reference/muon.f64.safetensors

The update follows "Muon: An optimizer for hidden layers in neural networks" (Jordan et al. 2024), in NumPy, with
matrices as PyTorch's Linear has them, [out,in]; the file has them transposed, [in,out].
"""
import json
import struct
import sys

import numpy as np

BETA, RATE, DECAY, CLIP = 0.9, 0.05, 0.1, 0.5


def orthogonalised(g):
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def main(path):
    random = np.random.default_rng(1)
    tensors = {}
    for name, (inputs, outputs) in {"wide": (3, 7), "tall": (6, 4), "square": (5, 5)}.items():
        w = random.normal(size=(outputs, inputs))
        buffer = np.zeros_like(w)
        tensors[name + ".before"] = w.T
        for step in range(4):
            g = random.normal(size=w.shape)
            tensors[f"{name}.gradient{step}"] = g.T
            g = g * CLIP
            buffer = BETA * buffer + (1 - BETA) * g
            update = orthogonalised((1 - BETA) * g + BETA * buffer) * max(1, outputs / inputs) ** 0.5
            w = w * (1 - RATE * DECAY) - RATE * update
        tensors[name + ".after"] = w.T
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).astype("<f8").tobytes()
        header[name] = {"dtype": "F64", "shape": array.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + data)


main(sys.argv[1])
