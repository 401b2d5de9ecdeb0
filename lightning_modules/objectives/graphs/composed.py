"""Attention, transformer and recurrent layers of torch, which are made of others: what they compute, call by call.

torch's own `forward` of them chooses between kernels by what it is given, which a tracer cannot follow.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.objectives.graphs.recurrent import recurrent
from lightning_modules.objectives.graphs.untraceable import FALL_BACK, UntraceableError


def composed(module: nn.Module) -> Callable[..., Any] | None:
    """What a module computes from its layers, (module, name, what it is called with) -> what it returns; None of others."""
    return COMPOSED.get(type(module))


class _Unread:
    """In place of attention weights, which most callers leave alone.

    Args:
        name: of the attention.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, asked: str) -> Any:
        raise UntraceableError(f"forward reads the weights that attention {self._name!r} returns: {FALL_BACK}")


def _attention(
    m: nn.MultiheadAttention,
    name: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, _Unread | None]:
    """softmax(Q Kᵀ / √d + mask) V of each head, and its output layer."""
    _refuse_attention(m, name, key_padding_mask, attn_mask)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = ~attn_mask  # here True is what is left out, there what is seen
    q, k, v = (each.unflatten(-1, (m.num_heads, -1)).transpose(-3, -2) for each in _projected(m, query, key, value))
    seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask)
    return m.out_proj(seen.transpose(-3, -2).flatten(2)), _Unread(name) if need_weights else None


def _refuse_attention(m: nn.MultiheadAttention, name: str, key_padding_mask: Any, attn_mask: Any) -> None:
    """Refuse what depends on chance or on other rows, or is seldom asked for."""
    why = None
    if not m.batch_first:
        why = "takes the rows as its second dimension: make it with batch_first=True"
    elif m.training and m.dropout > 0:
        why = (
            "is random in training, so the loss is another function at each evaluation and has no curvature: make it with "
            "dropout=0 or call its eval(), or use a method of torch.optim"
        )
    elif key_padding_mask is not None:
        why = f"is given a mask for each row: {FALL_BACK}"
    elif attn_mask is not None and not (isinstance(attn_mask, Tensor) and attn_mask.ndim == 2):
        why = f"is given a mask that is no matrix: {FALL_BACK}"
    elif m.bias_k is not None or m.add_zero_attn:
        why = f"has a key and a value beside the rows' (add_bias_kv, add_zero_attn): {FALL_BACK}"
    if why is not None:
        raise UntraceableError(f"{type(m).__name__} {name!r} {why}")


def _projected(m: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K and V, each (n, length, width).

    Their weights are parts of one parameter, and a parameter counts where it is used once: so it is given all three together,
    one after another, and of each a third of the columns is kept.
    """
    width, bias = m.embed_dim, m.in_proj_bias
    if m.in_proj_weight is not None and query is key and key is value:
        every = functional.linear(query, m.in_proj_weight, bias)
        return every[..., :width], every[..., width : 2 * width], every[..., 2 * width :]
    if m.in_proj_weight is not None:
        every = functional.linear(torch.cat([query, key, value], 1), m.in_proj_weight, bias)
    else:
        weights = m.q_proj_weight, m.k_proj_weight, m.v_proj_weight
        q, k, v = (functional.linear(x, w) for x, w in zip((query, key, value), weights, strict=True))
        if bias is None:
            return q, k, v
        padded = [functional.pad(x, (before * width, (2 - before) * width)) for before, x in enumerate((q, k, v))]
        every = torch.cat(padded, 1) + bias
    here, there = query.shape[1], query.shape[1] + key.shape[1]
    return every[:, :here, :width], every[:, here:there, width : 2 * width], every[:, there:, 2 * width :]


def _encoder_layer(
    m: nn.TransformerEncoderLayer,
    name: str,
    src: Tensor,
    src_mask: Tensor | None = None,
    src_key_padding_mask: Tensor | None = None,
    is_causal: bool = False,
) -> Tensor:
    def attended(x: Tensor) -> Tensor:
        return m.dropout1(_itself(m.self_attn, x, src_mask, src_key_padding_mask))

    def fed(x: Tensor) -> Tensor:
        return m.dropout2(m.linear2(m.dropout(m.activation(m.linear1(x)))))

    return _with_skips(src, [(attended, m.norm1), (fed, m.norm2)], m.norm_first)


def _decoder_layer(
    m: nn.TransformerDecoderLayer,
    name: str,
    tgt: Tensor,
    memory: Tensor,
    tgt_mask: Tensor | None = None,
    memory_mask: Tensor | None = None,
    tgt_key_padding_mask: Tensor | None = None,
    memory_key_padding_mask: Tensor | None = None,
    tgt_is_causal: bool = False,
    memory_is_causal: bool = False,
) -> Tensor:
    def attended(x: Tensor) -> Tensor:
        return m.dropout1(_itself(m.self_attn, x, tgt_mask, tgt_key_padding_mask))

    def remembered(x: Tensor) -> Tensor:
        masks = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask}
        return m.dropout2(m.multihead_attn(x, memory, memory, need_weights=False, **masks)[0])

    def fed(x: Tensor) -> Tensor:
        return m.dropout3(m.linear2(m.dropout(m.activation(m.linear1(x)))))

    return _with_skips(tgt, [(attended, m.norm1), (remembered, m.norm2), (fed, m.norm3)], m.norm_first)


def _itself(attention: nn.Module, x: Tensor, mask: Tensor | None, key_padding_mask: Tensor | None) -> Tensor:
    result: Tensor = attention(x, x, x, key_padding_mask=key_padding_mask, need_weights=False, attn_mask=mask)[0]
    return result


def _with_skips(x: Tensor, blocks: list[tuple[Callable[[Tensor], Tensor], nn.Module]], norm_first: bool) -> Tensor:
    """x ← x + block(norm(x)), or norm(x + block(x)), block after block."""
    for block, norm in blocks:
        x = x + block(norm(x)) if norm_first else norm(x + block(x))
    return x


def _encoder(
    m: nn.TransformerEncoder,
    name: str,
    src: Tensor,
    mask: Tensor | None = None,
    src_key_padding_mask: Tensor | None = None,
    is_causal: bool | None = None,
) -> Tensor:
    for layer in m.layers:
        src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask)
    return src if m.norm is None else m.norm(src)


def _decoder(m: nn.TransformerDecoder, name: str, tgt: Tensor, memory: Tensor, **masks: Any) -> Tensor:
    for layer in m.layers:
        tgt = layer(tgt, memory, **masks)
    return tgt if m.norm is None else m.norm(tgt)


COMPOSED: dict[type[nn.Module], Callable[..., Any]] = {
    nn.MultiheadAttention: _attention,
    nn.TransformerEncoderLayer: _encoder_layer,
    nn.TransformerDecoderLayer: _decoder_layer,
    nn.TransformerEncoder: _encoder,
    nn.TransformerDecoder: _decoder,
    nn.RNN: recurrent,
    nn.GRU: recurrent,
    nn.LSTM: recurrent,
}
