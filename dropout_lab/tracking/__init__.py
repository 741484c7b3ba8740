"""Trackers: histories and records for TensorBoard, Weights & Biases, or as CSV files.

``--log=NAME`` of ``scripts/train.py`` and ``scripts/sweep.py`` follows a run while it goes on;
``scripts/export.py --to=NAME`` gives a tracker the records that are already there. Both write to
the folder NAME of the working directory, through a :class:`~dropout_lab.tracking.sink.Sink` that
:func:`~dropout_lab.tracking.sink.open_sink` returns.
"""
