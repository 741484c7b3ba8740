# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Many machines
#
# Machines that see the same directory share a sweep: start the same command on each. Locks in the
# directory say who trains what, a finished trial is a file, and a machine that is lost is no harm.
# Here two processes play two machines.

# %%
import subprocess
import sys
import tempfile

workdir = tempfile.mkdtemp()
command = [
    *(sys.executable, "scripts/sweep.py", "--config=configs/digits_mlp.py:none,smoke"),
    *("--config.model.widths=(32,)", "--config.train.epochs=5"),
    *("--vary=variant=none,dropout", "--vary=dropout.rate=0.2,0.5", "--seeds=4"),
    *("--executor=local", "--lanes=2", f"--workdir={workdir}"),
]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
machines = [subprocess.Popen(command, **quiet) for _ in range(2)]
[machine.wait() for machine in machines]

# %% [markdown]
# From anywhere that sees the directory:

# %%
status = [sys.executable, "scripts/sweep.py", "--status", f"--workdir={workdir}"]
print(subprocess.run(status, capture_output=True, text=True, check=True).stdout)

# %% [markdown]
# Which process trained how many trials is in the records, as are host, device, versions and revision:

# %%
from dropout_lab.sweeps import Store

records = Store(workdir).records()
sorted(records[0]), len(records)

# %% [markdown]
# ## A larger grid
#
# The same command with more values runs only what is new, on as many machines as there are:

# %%
from pathlib import Path

trials = Path(workdir, "trials")
before = {path.name: path.stat().st_mtime for path in trials.iterdir()}
more = [*command, "--vary=dropout.rate=0.2,0.5,0.8"]
more.remove("--vary=dropout.rate=0.2,0.5")
subprocess.run(more, **quiet, check=True)
after = {path.name: path.stat().st_mtime for path in trials.iterdir()}
assert before.items() <= after.items()  # what was there was left alone
len(before), len(after)

# %% [markdown]
# Slurm, Dask, TPUs and encrypted connections: [Use several machines](../howto/machines.md).
