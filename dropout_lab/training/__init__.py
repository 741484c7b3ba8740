"""Training: pure functions compiled into one program, driven by a loop on the host.

The path of a training step, from the top down:

* ``run.train`` prepares and locks a directory and trains one trial in it.
* ``trainer.Trainer`` runs epochs of trials side by side, validates, and updates each
  ``progress.TrialState``; ``session.Session`` saves checkpoints and resumes.
* ``vmapped.VmappedProgram`` maps the functions of a program over lanes, one trial in each.
* ``program.Program.train_epoch`` is one compiled epoch, a scan over its steps. A step takes a batch
  (``arrays``), the gradient of the loss (``loss``, ``penalty``) through the network (``network``),
  and an update (``optimizer.make_optimizer``).
* ``optimizer.project_max_norm`` ends the step if ``optimizer.max_norm`` is set.
"""
