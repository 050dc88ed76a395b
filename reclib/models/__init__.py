"""The models, one paper a file. Each is a :class:`~reclib.models.base.Recommender`."""

from reclib.models.autorec import AutoRec
from reclib.models.base import GradientRecommender, Recommender
from reclib.models.biases import Biases
from reclib.models.deepae import DeepAutoencoder
from reclib.models.means import GlobalMean, ItemMean, UserMean
from reclib.models.mf import BiasedMF
from reclib.models.popularity import Popularity
from reclib.models.ratingvae import RatingVAE
from reclib.models.svd import ImputedSVD, PureSVD

MODELS = {
    model.__name__: model
    for model in (
        GlobalMean,
        UserMean,
        ItemMean,
        Biases,
        Popularity,
        PureSVD,
        ImputedSVD,
        BiasedMF,
        AutoRec,
        DeepAutoencoder,
        RatingVAE,
    )
}

__all__ = ["MODELS", "GradientRecommender", "Recommender", *MODELS]
