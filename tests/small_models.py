"""The project's sequence models, at sizes that compile in a second."""

from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.tcn import TCN, TCNConfig
from rgnn_jax.models.transformer import Transformer, TransformerConfig

VOCABULARY_SIZE = 7

SEQUENCE_MODELS = {
    "lstm": LSTM(LSTMConfig(layers=2, width=8, ngram_order=3), VOCABULARY_SIZE),
    "gru": GRU(GRUConfig(layers=1, width=8, embedding=4), VOCABULARY_SIZE),
    "tcn": TCN(TCNConfig(levels=2, channels=8, embedding=8), VOCABULARY_SIZE),
    "transformer": Transformer(
        TransformerConfig(layers=1, width=8, heads=2, positions="rotary", context=300), VOCABULARY_SIZE
    ),
}
