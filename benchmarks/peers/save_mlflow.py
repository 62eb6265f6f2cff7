"""Writes a scikit-learn model in MLflow's form, in MLflow's environment: ``save_mlflow.py MODEL.joblib FOLDER``."""

import sys

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(
    joblib.load(sys.argv[1]), sys.argv[2], pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
)
