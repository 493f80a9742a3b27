"""Writes small models as llama2.c's export.py does, of each version, with their logits in double.

    /usr/bin/python3 minigpt-tests/reference-generator/llama2c-files.py minigpt-tests/src/test/resources/llama2c

Needs NumPy.
"""

import json
import pathlib
import struct
import sys

import numpy as np

V, T, C, H, K, L, HIDDEN, GROUP = 11, 6, 8, 2, 1, 2, 20, 8
D = C // H
IDS = [0, 4, 2, 1, 3, 10]

# (name, how many, shape); linear weights are [out,in]
NORMS = [("attention_norm", L, (C,)), ("ffn_norm", L, (C,)), ("norm", 1, (C,))]
MATRICES = [
    ("tok_embeddings", 1, (V, C)),
    ("wq", L, (H * D, C)),
    ("wk", L, (K * D, C)),
    ("wv", L, (K * D, C)),
    ("wo", L, (C, C)),
    ("w1", L, (HIDDEN, C)),
    ("w2", L, (C, HIDDEN)),
    ("w3", L, (HIDDEN, C)),
    ("output", 1, (V, C)),
]
OLD = "tok_embeddings attention_norm wq wk wv wo ffn_norm w1 w2 w3 norm".split()


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * weight


def rotated(x):
    """(T,heads,D): entries 2j and 2j+1 turn by t/10000^(2j/D)."""
    angles = np.arange(len(x))[:, None] / 10000 ** (np.arange(0, D, 2) / D)
    turn = np.exp(1j * angles)[:, None, :]
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * turn
    return np.stack([z.real, z.imag], -1).reshape(x.shape)


def logits(w):
    w = {name: [m.astype(np.float64) for m in ms] for name, ms in w.items()}
    x = w["tok_embeddings"][0][IDS]
    n = len(IDS)
    for i in range(L):
        h = norm(x, w["attention_norm"][i])
        q = rotated((h @ w["wq"][i].T).reshape(n, H, D))
        k = rotated((h @ w["wk"][i].T).reshape(n, K, D)).repeat(H // K, 1)
        v = (h @ w["wv"][i].T).reshape(n, K, D).repeat(H // K, 1)
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(D)
        scores[:, np.triu(np.ones((n, n)), 1) > 0] = -np.inf
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        x = x + np.einsum("hts,shd->thd", p, v).reshape(n, C) @ w["wo"][i].T
        h = norm(x, w["ffn_norm"][i])
        gate = h @ w["w1"][i].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w["w3"][i].T)) @ w["w2"][i].T
    return (norm(x, w["norm"][0]) @ w["output"][0].T).tolist()


def quantised(m):
    """I8 and a scale for each group, rounded half to even as torch.round does."""
    groups = m.reshape(-1, GROUP)
    scale = np.abs(groups).max(1) / np.float32(127)
    return np.round(groups / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def sizes(vocab):
    return struct.pack("iiiiiii", C, HIDDEN, L, H, K, vocab, T)


def main(folder):
    rng = np.random.default_rng(5)
    expected = {}

    def weights(tied):
        w = {name: [rng.normal(0, 0.4, s).astype(np.float32) for _ in range(n)] for name, n, s in NORMS + MATRICES}
        if tied:
            w["output"] = w["tok_embeddings"]
        return w

    for name, tied in ("v0.bin", True), ("v0-untied.bin", False):
        w = weights(tied)
        angles = np.arange(T)[:, None] / 10000 ** (np.arange(0, D, 2) / D)
        with open(folder / name, "wb") as out:
            out.write(sizes(V if tied else -V))
            for part in OLD:
                out.writelines(m.tobytes() for m in w[part])
            out.write(np.cos(angles).astype(np.float32).tobytes() + np.sin(angles).astype(np.float32).tobytes())
            if not tied:
                out.write(w["output"][0].tobytes())
        expected[name] = logits(w)

    for name, tied in ("v1.bin", True), ("v1-untied.bin", False):
        w = weights(tied)
        with open(folder / name, "wb") as out:
            out.write((struct.pack("Ii", 0x616B3432, 1) + sizes(V) + struct.pack("B", tied)).ljust(256, b"\0"))
            for part, _, _ in NORMS + (MATRICES[:-1] if tied else MATRICES):
                out.writelines(m.tobytes() for m in w[part])
        expected[name] = logits(w)

    w = weights(False)
    with open(folder / "v2.bin", "wb") as out:
        head = struct.pack("Ii", 0x616B3432, 2) + sizes(V) + struct.pack("B", False) + struct.pack("<i", GROUP)
        out.write(head.ljust(256, b"\0"))
        for part, _, _ in NORMS:
            out.writelines(m.tobytes() for m in w[part])
        scales = b""
        for part, _, shape in MATRICES:
            for i, m in enumerate(w[part]):
                q, s = quantised(m)
                out.write(q.tobytes())
                scales += s.tobytes()
                w[part][i] = (q.astype(np.float32) * s[:, None]).reshape(shape)
        out.write(scales)
    expected["v2.bin"] = logits(w)
    (folder / "expected.json").write_text(json.dumps({"ids": [IDS], "logits": expected}) + "\n")


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.mkdir(parents=True, exist_ok=True)
    main(path)
