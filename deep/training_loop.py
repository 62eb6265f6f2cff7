"""The loop that fits a network: epochs of batches, a held-out loss after each, early stopping, checkpoints."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import DataError
from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.checkpoint import CheckpointFile, FitState
from headrace.deep.network import Network, Singles

_EVALUATED = 512
_WARM_UP = 0.1
_SMALLEST_BATCH = 8


@dataclass(frozen=True)
class FitRows:
    """Rows of a fit.

    Attributes:
        matrix: Model matrix (n, p).
        target: Classes (n,), or scaled values (n,).
        fitted: Places (m,) of the rows to fit on.
        held_out: Places (k,) of the rows for early stopping; none in a small table.
    """

    matrix: Singles
    target: NDArray[Any]
    fitted: NDArray[np.int64]
    held_out: NDArray[np.int64]


Say = Callable[[Mapping[str, Any]], None]


class TrainingLoop:
    """The fit of one network.

    Every epoch draws its order and its changes from the seed and its own number: so a fit that goes on from a
    checkpoint ends with the same weights as one that was never interrupted.
    """

    def __init__(self, model: Any, network: Network, request: NetworkRequest, rows: FitRows) -> None:
        """Take a model that was just built.

        Args:
            model: Keras' model; its weights are those of the start.
            network: Its kind.
            request: The fit.
            rows: Its rows.
        """
        self.model, self._network, self._request, self._rows = model, network, request, rows
        values = request.values
        # At least sixteen steps in an epoch: statistics of a layer need them.
        self._batch = min(values["batch_size"], max(_SMALLEST_BATCH, len(rows.fitted) // 16), len(rows.fitted))
        self._steps = len(rows.fitted) // self._batch
        self._optimizer = keras.optimizers.AdamW(
            self._schedule(values), weight_decay=values["weight_decay"], global_clipnorm=1.0
        )
        self._optimizer.build(model.trainable_variables)
        self._step = jax.jit(self._take_step)
        self._measure = jax.jit(self._sum_losses)

    def _schedule(self, values: Mapping[str, Any]) -> Any:
        """Return the learning rate by step: it rises over the first tenth, then falls to 0 as a cosine."""
        steps = self._steps * values["epochs"]
        first = max(1, round(_WARM_UP * steps))
        return keras.optimizers.schedules.CosineDecay(
            values["learning_rate"] / 10,
            max(1, steps - first),
            warmup_target=values["learning_rate"],
            warmup_steps=first,
        )

    def run(self, checkpoints: CheckpointFile, say: Say) -> dict[str, Any]:
        """Fit the network; its weights are those of the best epoch afterwards.

        Args:
            checkpoints: Where the state is kept between epochs.
            say: Called with a message after each epoch.

        Returns:
            Facts of the fit: ``epochs``, ``best_epoch``, ``losses``, ``held_out_losses``.

        Raises:
            DataError: If the loss is not finite.
        """
        start = self._groups()
        state = checkpoints.read(start) or FitState(groups=start)
        values, began = self._request.values, time.monotonic()
        while state.epoch < values["epochs"] and not self._is_done(state):
            if values["max_seconds"] and time.monotonic() - began > values["max_seconds"] and state.epoch:
                say({"warning": f"the fit was stopped by max_seconds after {state.epoch} epochs; another may not be."})
                break
            self._run_epoch(state)
            checkpoints.write(state)
            say({"text": self._describe(state)})
        self._keep(state)
        return {
            "epochs": state.epoch,
            "best_epoch": state.best_epoch,
            "losses": [float(f"{loss:.6g}") for loss in state.losses],
            "held_out_losses": [float(f"{loss:.6g}") for loss in state.held_out],
        }

    def _groups(self) -> dict[str, list[NDArray[Any]]]:
        weights = [np.asarray(one.value) for one in self.model.trainable_variables]
        states = [np.asarray(one.value) for one in self.model.non_trainable_variables]
        optimizer = [np.asarray(one.value) for one in self._optimizer.variables]
        best = {"best_weights": weights, "best_states": states}
        return {"weights": weights, "states": states, "optimizer": optimizer, **best}

    def _is_done(self, state: FitState) -> bool:
        return bool(len(self._rows.held_out)) and state.epoch - state.best_epoch >= self._request.values["patience"]

    def _describe(self, state: FitState) -> str:
        loss = f"epoch {state.epoch} of {self._request.values['epochs']}: loss {state.losses[-1]:.4g}"
        return f"{loss}, held out {state.held_out[-1]:.4g}" if state.held_out else loss

    def _run_epoch(self, state: FitState) -> None:
        groups = state.groups
        live = (groups["weights"], groups["states"], groups["optimizer"])
        losses = []
        for rows, target in self._batches(state.epoch):
            *updated, loss = self._step(*live, rows, target)
            live = tuple(updated)
            losses.append(loss)
        for name, arrays in zip(("weights", "states", "optimizer"), live, strict=True):
            groups[name] = [np.asarray(array) for array in arrays]
        state.epoch += 1
        state.losses.append(float(np.mean([float(loss) for loss in losses])))
        if not np.isfinite(state.losses[-1]):
            raise DataError(
                f"the loss of a network must stay finite; it is {state.losses[-1]} in epoch {state.epoch}: choose a "
                "lower learning_rate."
            )
        self._judge(state)

    def _judge(self, state: FitState) -> None:
        """Measure the held-out loss, and keep the weights if they are the best so far."""
        groups = state.groups
        if len(self._rows.held_out):
            state.held_out.append(self._held_out_loss(groups["weights"], groups["states"]))
            if state.held_out[-1] > min(state.held_out):
                return
        state.best_epoch = state.epoch
        groups["best_weights"], groups["best_states"] = groups["weights"], groups["states"]

    def _batches(self, epoch: int) -> Iterator[tuple[Singles, NDArray[Any]]]:
        random = np.random.Generator(np.random.PCG64([self._request.seed, 2, epoch]))
        order = random.permutation(self._rows.fitted)
        for start in range(0, self._steps * self._batch, self._batch):
            places = order[start : start + self._batch]
            rows = self._rows.matrix[places]
            if self._network.augment is not None:
                rows = self._network.augment(self._request, rows, random)
            yield rows, self._rows.target[places]

    def _held_out_loss(self, weights: Any, states: Any) -> float:
        total, places = 0.0, self._rows.held_out
        size = min(_EVALUATED, len(places))
        for start in range(0, len(places), size):
            chosen = places[start : start + size]
            # One shape for all blocks, so that the function is compiled once.
            filled = np.resize(chosen, size)
            counted = (np.arange(size) < len(chosen)).astype(np.float32)
            total += float(
                self._measure(weights, states, self._rows.matrix[filled], self._rows.target[filled], counted)
            )
        return total / len(places)

    def _losses(self, scores: Any, target: Any) -> Any:
        if self._request.classes:
            return -jnp.take_along_axis(jax.nn.log_softmax(scores), target[:, None], axis=1)[:, 0]
        return jnp.square(scores[:, 0] - target)

    def _sum_losses(self, weights: Any, states: Any, rows: Any, target: Any, counted: Any) -> Any:
        scores, _ = self.model.stateless_call(weights, states, rows, training=False)
        return jnp.sum(self._losses(scores, target) * counted)

    def _take_step(self, weights: Any, states: Any, optimizer: Any, rows: Any, target: Any) -> Any:
        def loss_of(weights: Any) -> Any:
            scores, changed = self.model.stateless_call(weights, states, rows, training=True)
            return jnp.mean(self._losses(scores, target)), changed

        (loss, states), gradients = jax.value_and_grad(loss_of, has_aux=True)(weights)
        weights, optimizer = self._optimizer.stateless_apply(optimizer, gradients, weights)
        return weights, states, optimizer, loss

    def _keep(self, state: FitState) -> None:
        for variables, name in (
            (self.model.trainable_variables, "best_weights"),
            (self.model.non_trainable_variables, "best_states"),
        ):
            for variable, array in zip(variables, state.groups[name], strict=True):
                variable.assign(array)
