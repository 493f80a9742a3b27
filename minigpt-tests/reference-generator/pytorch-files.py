"""Writes small models as the programs that train them on PyTorch do, with their logits in double.

    /usr/bin/python3 minigpt-tests/reference-generator/pytorch-files.py minigpt-tests/src/test/resources/pytorch

Needs PyTorch 1.13, Debian's python3-torch. The modules are not those of nanoGPT, minGPT and the lecture; they compute the same
and give their parameters the same names, which is all that a file tells of them.
"""

import json
import math
import os
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

V, T, C, H, L = 11, 6, 8, 2, 2
K, INNER = 1, 20  # of Llama's layers
IDS = [[0, 4, 2, 1, 3, 10], [9, 9, 5, 7, 0, 6]]


def attend(q, k, v):
    """(B,H,T,D) three times to (B,T,C)."""
    t = q.size(2)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.size(3))
    causal = torch.ones(t, t).tril().bool()
    y = scores.masked_fill(~causal, -math.inf).softmax(3) @ v
    return y.transpose(1, 2).flatten(2)


def split(x):
    return x.view(x.size(0), x.size(1), H, C // H).transpose(1, 2)


class Norm(nn.Module):
    """LayerNorm, of which the bias can be left out."""

    def __init__(self, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.bias = nn.Parameter(torch.zeros(C)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, (C,), self.weight, self.bias, 1e-5)


class Gelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Attention(nn.Module):
    def __init__(self, bias, mask):
        super().__init__()
        self.c_attn = nn.Linear(C, 3 * C, bias=bias)
        self.c_proj = nn.Linear(C, C, bias=bias)
        if mask:
            self.register_buffer("bias", torch.ones(T, T).tril().view(1, 1, T, T))

    def forward(self, x):
        return self.c_proj(attend(*map(split, self.c_attn(x).split(C, 2))))


class Block(nn.Module):
    def __init__(self, bias, mask, act):
        super().__init__()
        self.ln_1 = Norm(bias)
        self.attn = Attention(bias, mask)
        self.ln_2 = Norm(bias)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(C, 4 * C, bias=bias), "act": act, "c_proj": nn.Linear(4 * C, C, bias=bias)}
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](self.mlp["act"](self.mlp["c_fc"](self.ln_2(x))))


class Gpt(nn.Module):
    """nanoGPT's names with a tied head and exact GELU; minGPT's without, with masks and GELU's other form."""

    def __init__(self, bias, tied, mask):
        super().__init__()
        act = nn.GELU() if tied else Gelu()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(V, C),
                "wpe": nn.Embedding(T, C),
                "h": nn.ModuleList([Block(bias, mask, act) for _ in range(L)]),
                "ln_f": Norm(bias),
            }
        )
        self.lm_head = nn.Linear(C, V, bias=False)
        if tied:
            self.transformer["wte"].weight = self.lm_head.weight

    def forward(self, ids):
        x = self.transformer["wte"](ids) + self.transformer["wpe"](torch.arange(ids.size(1)))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


class FirstAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.key, self.query, self.value, self.proj = (nn.Linear(C, C) for _ in range(4))
        self.register_buffer("mask", torch.ones(T, T).tril().view(1, 1, T, T))

    def forward(self, x):
        return self.proj(attend(split(self.query(x)), split(self.key(x)), split(self.value(x))))


class FirstBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attn = FirstAttention()
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C), nn.Dropout(0.1))

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class FirstMinGpt(nn.Module):
    """The names of minGPT in 2020."""

    def __init__(self):
        super().__init__()
        self.tok_emb = nn.Embedding(V, C)
        self.pos_emb = nn.Parameter(torch.zeros(1, T, C))
        self.blocks = nn.Sequential(*[FirstBlock() for _ in range(L)])
        self.ln_f = nn.LayerNorm(C)
        self.head = nn.Linear(C, V, bias=False)

    def forward(self, ids):
        return self.head(self.ln_f(self.blocks(self.tok_emb(ids) + self.pos_emb[:, : ids.size(1)])))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(C, C // H, bias=False) for _ in range(3))
        self.register_buffer("tril", torch.ones(T, T).tril())

    def forward(self, x):
        return attend(*(f(x).unsqueeze(1) for f in (self.query, self.key, self.value)))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([Head() for _ in range(H)])
        self.proj = nn.Linear(C, C)

    def forward(self, x):
        return self.proj(torch.cat([head(x) for head in self.heads], 2))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(C, 4 * C), nn.ReLU(), nn.Linear(4 * C, C), nn.Dropout(0.1))

    def forward(self, x):
        return self.net(x)


class LectureBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa, self.ffwd = Heads(), FeedForward()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))
        return x + self.ffwd(self.ln2(x))


class Lecture(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding_table = nn.Embedding(V, C)
        self.position_embedding_table = nn.Embedding(T, C)
        self.blocks = nn.Sequential(*[LectureBlock() for _ in range(L)])
        self.ln_f = nn.LayerNorm(C)
        self.lm_head = nn.Linear(C, V)

    def forward(self, ids):
        x = self.token_embedding_table(ids) + self.position_embedding_table(torch.arange(ids.size(1)))
        return self.lm_head(self.ln_f(self.blocks(x)))


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight


def rotated(x, theta, pairs):
    """(B,heads,T,D): entries 2j and 2j+1, or else j and j + D/2, turn by t/theta^(2j/D)."""
    t, d = x.shape[-2:]
    angles = torch.outer(torch.arange(t).double(), theta ** (-torch.arange(0, d, 2).double() / d)).to(x.dtype)
    a, b = (x[..., 0::2], x[..., 1::2]) if pairs else x.chunk(2, -1)
    y = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.stack(y, -1).flatten(-2) if pairs else torch.cat(y, -1)


class Llama(nn.Module):
    """Hugging Face's names of Llama, Qwen2 (biases of q, k and v), Qwen3 (norms of q and k) and, with pairs, llama2.c's."""

    def __init__(self, d, theta, eps, tied, bias=False, norms=False, pairs=False):
        super().__init__()
        self.d, self.theta, self.pairs = d, theta, pairs
        self.tokens, self.norm, self.head = nn.Embedding(V, C), RmsNorm(C, eps), nn.Linear(C, V, bias=False)
        if tied:
            self.tokens.weight = self.head.weight
        self.layers = nn.ModuleList()
        for _ in range(L):
            layer = {name: RmsNorm(C, eps) for name in ("attention_norm", "ffn_norm")}
            for name, heads in ("wq", H), ("wk", K), ("wv", K):
                layer[name] = nn.Linear(C, heads * d, bias=bias)
            layer["wo"] = nn.Linear(H * d, C, bias=False)
            for name, sizes in ("w1", (C, INNER)), ("w2", (INNER, C)), ("w3", (C, INNER)):
                layer[name] = nn.Linear(*sizes, bias=False)
            if norms:
                layer.update(q_norm=RmsNorm(d, eps), k_norm=RmsNorm(d, eps))
            self.layers.append(nn.ModuleDict(layer))

    def attention(self, layer, x):
        def heads(name):
            y = layer["w" + name](x).unflatten(2, (-1, self.d))
            y = layer[name + "_norm"](y) if name + "_norm" in layer else y
            y = y.transpose(1, 2)
            return y if name == "v" else rotated(y, self.theta, self.pairs)

        q, k, v = heads("q"), *(heads(name).repeat_interleave(H // K, 1) for name in "kv")
        return layer["wo"](attend(q, k, v))

    def forward(self, ids):
        x = self.tokens(ids)
        for layer in self.layers:
            x = x + self.attention(layer, layer["attention_norm"](x))
            h = layer["ffn_norm"](x)
            x = x + layer["w2"](F.silu(layer["w1"](h)) * layer["w3"](h))
        return self.head(self.norm(x))

    def named(self, names):
        """The state_dict under others' names."""
        result = {}
        for name, value in self.state_dict().items():
            *path, part, what = name.split(".")
            result[".".join([names["layers"], path[1], names[part], what] if path else [names[part], what])] = value
        return result


HF = {
    "tokens": "model.embed_tokens",
    "layers": "model.layers",
    "norm": "model.norm",
    "head": "lm_head",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    **{"w" + name: f"self_attn.{name}_proj" for name in "qkvo"},
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
    "w1": "mlp.gate_proj",
    "w2": "mlp.down_proj",
    "w3": "mlp.up_proj",
}
LLAMA2C = {
    "tokens": "tok_embeddings",
    "layers": "layers",
    "norm": "norm",
    "head": "output",
    "attention_norm": "attention_norm",
    "ffn_norm": "ffn_norm",
    **{"w" + name: f"attention.w{name}" for name in "qkvo"},
    **{name: f"feed_forward.{name}" for name in ("w1", "w2", "w3")},
}


class Calls:
    """What a pickle can have Python do."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def filled(model):
    """Values that differ everywhere, the biases too."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3 + (parameter.dim() == 1) * 0.5)
    return model.eval()


def strided(state):
    """The same values: turned matrices, all rows of a larger tensor, every second value of another."""
    result = {}
    for i, (name, value) in enumerate(state.items()):
        if value.dim() == 2 and i % 3 == 0:
            value = value.t().contiguous().t()
        elif i % 3 == 1:
            value = torch.stack([value, -value], value.dim())[..., 0]
        else:
            value = torch.cat([-value, value, value])[len(value) : 2 * len(value)]
        result[name] = value
    return result


def main(folder):
    torch.manual_seed(5)
    expected = {}

    def save(name, model, saved, **options):
        torch.save(saved, folder / name, **options)
        with torch.no_grad():
            expected[name] = model.double()(torch.tensor(IDS)).tolist()

    nano = filled(Gpt(bias=True, tied=True, mask=False))
    optimizer = torch.optim.AdamW(nano.parameters(), lr=1e-9)
    nano(torch.tensor(IDS)).sum().backward()
    optimizer.step()
    shape = {"n_layer": L, "n_head": H, "n_embd": C, "block_size": T, "bias": True, "vocab_size": V, "dropout": 0.1}
    checkpoint = {
        "model": nano.state_dict(),
        "optimizer": optimizer.state_dict(),
        "model_args": shape,
        "iter_num": 5000,
        "best_val_loss": torch.tensor(1.5),
        "config": {"out_dir": "out", "dataset": "shakespeare_char", "compile": True, "learning_rate": 1e-3},
    }
    save("nanogpt.pt", nano, checkpoint)

    plain = filled(Gpt(bias=False, tied=True, mask=True))
    compiled = {"_orig_mod." + name: value for name, value in plain.state_dict().items()}
    save("nanogpt-compiled.pt", plain, {"model": compiled, "model_args": {**shape, "bias": False, "dropout": 0.0}})

    narrow = filled(Gpt(bias=True, tied=True, mask=False)).bfloat16()
    save("nanogpt-bf16.pt", narrow, {"model": narrow.state_dict(), "model_args": shape})

    mini = filled(Gpt(bias=True, tied=False, mask=True))
    save("mingpt.pt", mini, mini.state_dict())
    views = filled(Gpt(bias=True, tied=False, mask=True)).half()
    save("mingpt-strided.pt", views, strided(views.state_dict()))
    first = filled(FirstMinGpt())
    save("mingpt-2020.pt", first, first.state_dict(), _use_new_zipfile_serialization=False)

    lecture = filled(Lecture())
    save("lecture.pt", lecture, lecture.state_dict())
    double = filled(Lecture()).double()
    save("lecture-old.pt", double, double.state_dict(), _use_new_zipfile_serialization=False)

    # Hugging Face's: linear weights [in,out], a head beside, in two files.
    hf = filled(Gpt(bias=True, tied=True, mask=False))
    state = {name: value.t() if ".c_" in name and value.dim() == 2 else value for name, value in hf.state_dict().items()}
    parts = {"pytorch_model-00001-of-00002.bin": {}, "pytorch_model-00002-of-00002.bin": {}}
    for name, value in state.items():
        parts[f"pytorch_model-0000{1 if '.h.' in name else 2}-of-00002.bin"][name] = value.contiguous()
    (folder / "hf").mkdir(exist_ok=True)
    for name, part in parts.items():
        torch.save(part, folder / "hf" / name)
    weight_map = {key: name for name, part in parts.items() for key in part}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "hf" / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
    config = {
        "model_type": "gpt2",
        "activation_function": "gelu",
        "n_positions": T,
        "n_embd": C,
        "n_layer": L,
        "n_head": H,
        "vocab_size": V,
        "transformers_version": "4.30.0",
    }
    (folder / "hf" / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    with torch.no_grad():
        expected["hf"] = hf.double()(torch.tensor(IDS)).tolist()

    # Of Llama's layers, in one file and in two.
    common = {
        "hidden_act": "silu",
        "hidden_size": C,
        "intermediate_size": INNER,
        "num_hidden_layers": L,
        "num_attention_heads": H,
        "num_key_value_heads": K,
        "max_position_embeddings": T,
        "vocab_size": V,
        "transformers_version": "4.48.0",
    }
    families = {
        "llama": (Llama(4, 500.0, 1e-5, tied=False), {"rope_theta": 500.0, "rms_norm_eps": 1e-5}),
        "qwen2": (Llama(4, 1e6, 1e-6, tied=True, bias=True), {"rope_theta": 1e6, "rms_norm_eps": 1e-6}),
        "qwen3": (Llama(6, 1e6, 1e-6, tied=True, norms=True), {"rope_theta": 1e6, "rms_norm_eps": 1e-6, "head_dim": 6}),
    }
    for kind, (model, own) in families.items():
        state = filled(model).named(HF)
        (folder / kind).mkdir(exist_ok=True)
        own = {"model_type": kind, "tie_word_embeddings": kind != "llama", **common, **own}
        (folder / kind / "config.json").write_text(json.dumps(own, indent=1) + "\n")
        if kind == "qwen2":
            torch.save(state, folder / kind / "pytorch_model.bin")
        else:
            weight_map = {key: f"pytorch_model-0000{1 if '.0.' in key else 2}-of-00002.bin" for key in state}
            for name in set(weight_map.values()):
                torch.save({key: state[key] for key in state if weight_map[key] == name}, folder / kind / name)
            index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
            (folder / kind / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
        with torch.no_grad():
            expected[kind] = model.double()(torch.tensor(IDS)).tolist()

    stories = filled(Llama(4, 10000.0, 1e-5, tied=True, pairs=True))
    numbers = {"dim": C, "n_layers": L, "n_heads": H, "n_kv_heads": K, "vocab_size": V, "multiple_of": 4}
    checkpoint = {
        "model": {"_orig_mod." + name: value for name, value in stories.named(LLAMA2C).items()},
        "optimizer": torch.optim.AdamW(stories.parameters()).state_dict(),
        "model_args": {**numbers, "max_seq_len": T, "dropout": 0.1},
        "iter_num": 1000,
        "best_val_loss": torch.tensor(1.5),
        "config": {"vocab_source": "custom", "compile": True},
    }
    save("llama2c.pt", stories, checkpoint)

    torch.save(Lecture(), folder / "module.pt")
    torch.save({"model": {"a": torch.ones(1), "b": Calls(os.system, "echo")}}, folder / "system.pt")
    torch.save(
        {"a": Calls(eval, "1")}, folder / "eval-old.pt", _use_new_zipfile_serialization=False, pickle_protocol=2
    )
    (folder / "expected.json").write_text(json.dumps({"ids": IDS, "logits": expected}) + "\n")


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.mkdir(parents=True, exist_ok=True)
    main(path)
