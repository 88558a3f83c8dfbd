"""The predecessor's network: one learnt query per coefficient looks at seven log-mel frames and the eGeMAPS."""

import torch
from torch import nn

from fmg_rt import architectures, arkit, spec

D_EMBEDDING, D_MODEL, D_MLP, N_HEADS = 64, 256, 512, 8
DROPOUT = 0.1


class AudioEncoder(nn.Module):
    """Eight tokens of 256: the log-mel frames, oldest first, each with its position, then the functionals."""

    def __init__(self) -> None:
        super().__init__()
        self.mel_encoder = nn.Sequential(nn.Linear(spec.N_MELS, D_MODEL), nn.LayerNorm(D_MODEL), nn.ReLU())
        self.egemaps_encoder = nn.Sequential(nn.Linear(spec.N_EGEMAPS, D_MODEL), nn.LayerNorm(D_MODEL), nn.ReLU())
        self.mel_pos_encoding = nn.Parameter(0.02 * torch.randn(architectures.CROSS_ATTENTION_FRAMES, D_MODEL))

    def forward(self, mel: torch.Tensor, egemaps: torch.Tensor) -> torch.Tensor:
        frames = self.mel_encoder(mel) + self.mel_pos_encoding  # (B, 7, 256)
        return torch.cat([frames, self.egemaps_encoder(egemaps)[:, None]], dim=1)  # (B, 8, 256)


class CrossAttention(nn.Module):
    """LayerNorm(query + W_o attention(W_q query, W_k tokens, W_v tokens)).

    References: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.w_q = nn.Linear(D_MODEL, D_MODEL)
        self.w_k = nn.Linear(D_MODEL, D_MODEL)
        self.w_v = nn.Linear(D_MODEL, D_MODEL)
        self.w_o = nn.Linear(D_MODEL, D_MODEL)
        self.layer_norm = nn.LayerNorm(D_MODEL)

    def forward(self, query: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        def heads(x: torch.Tensor) -> torch.Tensor:
            return x.unflatten(-1, (N_HEADS, -1)).transpose(-2, -3)  # (…, heads, n, 32)

        keys, values = heads(self.w_k(tokens)), heads(self.w_v(tokens))  # (B, heads, 8, 32)
        scores = heads(self.w_q(query)) @ keys.transpose(-1, -2) * (D_MODEL // N_HEADS) ** -0.5  # (B, heads, 52, 8)
        context = (scores.softmax(dim=-1) @ values).transpose(-2, -3).flatten(-2)  # (B, 52, 256)
        return self.layer_norm(query + self.w_o(context))


class BlendshapeMLP(nn.Module):
    """The same small network for each coefficient: 256 → 512 → 512 → 1."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(D_MODEL, D_MLP),
            nn.LayerNorm(D_MLP),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(D_MLP, D_MLP),
            nn.LayerNorm(D_MLP),
            nn.GELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(D_MLP, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.mlp(x)).squeeze(-1)


class CrossAttentionNet(nn.Module):
    """Torch twin of `fmg_rt.networks.cross_attention`, tensors named as in `fmg_rt.architectures.cross_attention_tensors`.

    References: Ichikawa and Tokuhisa, NLP 2026.
    """

    def __init__(self) -> None:
        super().__init__()
        self.base_embeddings = nn.Parameter(torch.randn(arkit.N_COEFFICIENTS, D_EMBEDDING))
        self.embed_proj = nn.Linear(D_EMBEDDING, D_MODEL)
        self.audio_encoder = AudioEncoder()
        self.cross_attention = CrossAttention()
        self.blendshape_mlp = BlendshapeMLP()

    def forward(self, mel: torch.Tensor, egemaps: torch.Tensor) -> torch.Tensor:
        """mel (B, 7, 80), oldest frame first, and egemaps (B, 88), both standardised → (B, 52) in [0, 1]."""
        query = self.embed_proj(self.base_embeddings)  # (52, 256)
        return self.blendshape_mlp(self.cross_attention(query, self.audio_encoder(mel, egemaps)))
