"""The models, one paper a file. Each is a :class:`~reclib.models.base.Recommender`."""

from reclib.models.autorec import AutoRec
from reclib.models.base import GradientRecommender, Recommender
from reclib.models.biases import Biases
from reclib.models.bpr import BPR
from reclib.models.cdae import CDAE
from reclib.models.deepae import DeepAutoencoder
from reclib.models.ease import EASE, EDLAE
from reclib.models.hvamp import HVamp
from reclib.models.ials import IALS
from reclib.models.infae import InfiniteAE
from reclib.models.knn import ItemKNN
from reclib.models.lambdanet import LambdaNet
from reclib.models.means import GlobalMean, ItemMean, UserMean
from reclib.models.mf import BiasedMF
from reclib.models.multvae import MultDAE, MultVAE
from reclib.models.popularity import Popularity
from reclib.models.ract import RaCT
from reclib.models.ratingknn import RatingKNN
from reclib.models.ratingvae import RatingVAE
from reclib.models.recvae import RecVAE
from reclib.models.slim import SLIM
from reclib.models.svae import SVAE
from reclib.models.svd import ImputedSVD, PureSVD
from reclib.models.warp import WARP

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
        RatingKNN,
        AutoRec,
        DeepAutoencoder,
        RatingVAE,
        ItemKNN,
        IALS,
        BPR,
        WARP,
        LambdaNet,
        SLIM,
        EASE,
        EDLAE,
        CDAE,
        MultDAE,
        MultVAE,
        RecVAE,
        RaCT,
        SVAE,
        HVamp,
        InfiniteAE,
    )
}

__all__ = [  # name by name: a type checker reads no more than that
    "MODELS",
    "GradientRecommender",
    "Recommender",
    "GlobalMean",
    "UserMean",
    "ItemMean",
    "Biases",
    "Popularity",
    "PureSVD",
    "ImputedSVD",
    "BiasedMF",
    "RatingKNN",
    "AutoRec",
    "DeepAutoencoder",
    "RatingVAE",
    "ItemKNN",
    "IALS",
    "BPR",
    "WARP",
    "LambdaNet",
    "SLIM",
    "EASE",
    "EDLAE",
    "CDAE",
    "MultDAE",
    "MultVAE",
    "RecVAE",
    "RaCT",
    "SVAE",
    "HVamp",
    "InfiniteAE",
]
