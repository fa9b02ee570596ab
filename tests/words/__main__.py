"""`make words`: train, set the edges, write the weights, and say how well the messages held out are read.

make words                         what is shipped
make words ARGS="--epochs 1 --to /tmp/try.npz"    a try; the file that is shipped stays as it is
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dialogs.words import network
from tests.words import edges, messages, train


def main() -> int:
    parser = argparse.ArgumentParser(prog="make words", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=train.EPOCHS)
    parser.add_argument("--to", type=Path, default=train.TARGET)
    asked = parser.parse_args()
    learned = messages.load(*messages.training())
    print(f"{len(learned)} messages of {len({one.writer for one in learned})} writers", flush=True)
    listed, model = train.train(
        learned, epochs=asked.epochs, seed=asked.seed, tell=lambda line: print(line, flush=True)
    )
    stamp = messages.stamp([*messages.training(), "dev"])
    loud = train.loudness(learned, listed)
    first = train.packed(listed, model, edges.START, stamp, loud)
    chosen = edges.choose(messages.load("dev"), network.unpacked(train.opened(first)))
    data = train.packed(listed, model, chosen, stamp, loud)
    asked.to.write_bytes(data)
    print(f"{asked.to.name}: {len(data):,} bytes; edges { ({name: round(edge, 3) for name, edge in chosen.items()}) }")
    return 0


if __name__ == "__main__":
    sys.exit(main())
