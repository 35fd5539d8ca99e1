"""Batch files through the official `openai` client, as its documentation shows: upload, create, wait, download.

A file that has its results is passed over, so that the script can be run again after a failure. With `--note` it also
writes down the id of each batch as soon as it knows it, and waits for that batch when it is run again.
"""

import argparse
import os
import pathlib
import time

from openai import OpenAI

ENDED = {"completed", "failed", "expired", "cancelled"}
PAUSE_SECONDS = 0.2


def submit(client: OpenAI, path: pathlib.Path):
    with path.open("rb") as lines:
        file = client.files.create(file=lines, purpose="batch")
    # Azure refuses a file that it has not processed yet.
    while client.files.retrieve(file.id).status not in ("processed", "error"):
        time.sleep(PAUSE_SECONDS)
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def process(client: OpenAI, path: pathlib.Path, results: pathlib.Path, noting: bool) -> None:
    note = results / f"{path.stem}.batch"
    if note.exists():
        batch = client.batches.retrieve(note.read_text())
    else:
        batch = submit(client, path)
        if noting:
            note.write_text(batch.id)
    while batch.status not in ENDED:
        time.sleep(PAUSE_SECONDS)
        batch = client.batches.retrieve(batch.id)
    if batch.status != "completed":
        raise SystemExit(f"{path.name}: batch {batch.id} is {batch.status}")
    if batch.error_file_id:
        client.files.content(batch.error_file_id).write_to_file(results / f"{path.stem}_error.jsonl")
    client.files.content(batch.output_file_id).write_to_file(results / f"{path.stem}_output.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--inbox", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--note", action="store_true")
    parser.add_argument("--timeout", type=float, help="seconds; the client's own default where it is not given")
    arguments = parser.parse_args()
    given = {} if arguments.timeout is None else {"timeout": arguments.timeout}
    client = OpenAI(base_url=arguments.base_url, api_key=os.environ["FAULTS_KEY"], **given)
    arguments.results.mkdir(exist_ok=True)
    for path in sorted(arguments.inbox.glob("*.jsonl")):
        if not (arguments.results / f"{path.stem}_output.jsonl").exists():
            process(client, path, arguments.results, arguments.note)


if __name__ == "__main__":
    main()
