"""How well a score tells positives from negatives."""

import numpy as np
from jaxtyping import Float


def detection(score: Float[np.ndarray, " n"], positive: np.ndarray) -> dict[str, float]:
    """Returns how well a score tells positives, all NaN without positives or negatives.

    Returns:
      auroc: Area under the receiver operating characteristic.
      aupr: Average precision.
      fpr95: Lowest rate of false positives at which at least 95 % of the positives are told.
    """
    if positive.all() or not positive.any():
        return dict.fromkeys(("auroc", "aupr", "fpr95"), float("nan"))
    from sklearn import metrics  # takes a second to import

    false, true, _ = metrics.roc_curve(positive, score)
    return {
        "auroc": float(metrics.roc_auc_score(positive, score)),
        "aupr": float(metrics.average_precision_score(positive, score)),
        "fpr95": float(false[np.argmax(true >= 0.95)]),
    }
