"""The kernel laboratory: small internets out of network namespaces, real kernels and real routers' code. See tests/README.md.

    from lab import Lab
    with Lab(a="masq", b="port-restricted+@isp:full-cone") as lab:
        print(lab.a.run(["ping", "-c1", lab.server.address]).out)
"""
import sys
from pathlib import Path

# Processes are started, listened to and killed here as in the end-to-end tests.
sys.path.append(str(Path(__file__).resolve().parents[2] / "e2e"))

from .spec import SpecError  # noqa: E402
from .world import Lab, LabError  # noqa: E402

__all__ = ["Lab", "LabError", "SpecError"]
