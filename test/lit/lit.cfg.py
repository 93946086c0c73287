# Lit tests: every stage read as text. Paths mirror the source folders.
import os
import shutil

import lit.formats
import lit.util

config.name = "Ingot"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".pbtxt", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.ingot_lit_out

path = [os.path.join(config.ingot_build, "tools", tool)
        for tool in ("ingot-opt", "ingot", "ingot-opsdoc")]
if "INGOT_LIT_TOOLS" in os.environ:  # other builds of some tools
    path.insert(0, os.environ["INGOT_LIT_TOOLS"])
path += [config.llvm_bin, config.environment.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(path)
config.substitutions.append(("%llvm_bin", config.llvm_bin))
config.substitutions.append(("%python", config.python))
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# The CUDA toolkit's assembler checks PTX where it is installed.
if shutil.which("ptxas"):
    config.available_features.add("ptxas")

# GPU tests: the driver that emulates, its helpers and small models.
test_root = os.path.dirname(config.test_source_root)
config.substitutions.append(("%stub_driver", os.path.join(config.ingot_build, "test", "emulator", "stub")))
config.substitutions.append(("%emulator", os.path.join(test_root, "emulator")))
config.substitutions.append(("%models", os.path.join(test_root, "models", "goldens")))
