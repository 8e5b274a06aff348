"""endpoints_grade.py --binary .build/release/swift-prefopt [--llama PYTHON] [--transformers PYTHON] [--hang]: rewards by servers.

A small model learns by SFT to answer "[[n]]" to a question on each of a few responses. Real OpenAI-compatible servers then
serve it, and `annotate` and `judge` ask them:

    --llama PYTHON          of an environment with llama-cpp-python[server]: it serves what `export --format gguf` wrote
    --transformers PYTHON   of one with transformers and its serving extra: `transformers serve` of final/

    grades      those that were taught, the same as `generate --temperature 0` says; on 1 and 2 ranks
    kept        a second run asks the server nothing

and with --hang (7 minutes, since an answer may take 180 s) a server that answers three questions, then accepts and never answers:

    message     one, with the row; exit status 2; within twice the time limit
    kept        the same command goes on from there, and asks only the rest
"""
import argparse
import contextlib
import http.server
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

from binary_runs import read_lines, start, train

TEMPLATE = ("{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}Q: {{ m['content'] }}\\nA: "
            "{% else %}{{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}")
QUESTION = "Grade \"{response}\"."
GRADES = {"the cat is happy.": 9, "go away.": 2, "i like you, let us play.": 7, "no.": 4}
SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared/data"


def teach(binary, folder, base):
    """final/ of a run after which the model answers with the grades."""
    model = folder / "base"
    model.mkdir()
    for file in base.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    settings = json.loads((base / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps(settings | dict(chat_template=TEMPLATE)))
    rows = [
        dict(messages=[dict(role="user", content=QUESTION.replace("{response}", text)),
                       dict(role="assistant", content=f"[[{grade}]]")])
        for text, grade in GRADES.items()]
    (folder / "lessons.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return train(binary, folder, dict(
        model_name_or_path=str(model), train_file=str(folder / "lessons.jsonl"), output_dir=str(folder / "taught"),
        loss_type="sft", global_batch_size=4, max_steps=80, learning_rate=3e-3, warmup_ratio=0.1, save_strategy="no",
        report=False, threads_per_rank=1)) / "final"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def served(command, port, folder):
    """A server until it answers, and then while it is needed."""
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=folder)
        try:
            for _ in range(240):
                assert server.poll() is None, (folder / "server.log").read_text()[-3000:]
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).read()
                    break
                time.sleep(0.5)
            yield
        finally:
            server.terminate()
            server.wait(30)


def annotate(binary, folder, output, spec, cache, ranks=1, check=True):
    command = [str(pathlib.Path(binary).resolve()), "annotate", "--data", str(folder / "answers.jsonl"), "--output", str(output),
               "--reward", f"grade={spec}"]
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", XDG_CACHE_HOME=str(cache))
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), "--oversubscribe", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    assert not check or done.returncode == 0, done.stderr[-2000:]
    return done


def answers(folder):
    """The responses as `generate` writes them, two samples of each prompt."""
    texts = list(GRADES)
    rows = [
        dict(index=i // 2, prompt=f"say something {i // 2}", sample=i % 2, response=text, ids=[1], finished=True)
        for i, text in enumerate(texts)]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "question.txt").write_text(QUESTION)


def grades(file):
    return [grade for row in read_lines(file) for grade in row["scores"]["grade"]]


def check_server(name, binary, folder, command, port, model, taught):
    place = folder / name
    place.mkdir()
    spec = f"endpoint:http://127.0.0.1:{port}/v1,model={model},prompt={folder / 'question.txt'}"
    expected = list(map(float, GRADES.values()))
    with served(command, port, place):
        for ranks in (1, 2):
            annotate(binary, folder, place / f"{ranks}.jsonl", spec, place / f"cache-{ranks}", ranks)
            found = grades(place / f"{ranks}.jsonl")
            assert found == expected, f"{name}, {ranks} ranks: {found}, taught were {expected}"
        print(f"{name:14} grades {found}, as they were taught, on 1 and 2 ranks", flush=True)
    # The server is gone: what is kept is enough.
    annotate(binary, folder, place / "again.jsonl", spec, place / "cache-1")
    assert grades(place / "again.jsonl") == expected
    print(f"{name:14} kept: a second run needs no server", flush=True)


class Server(http.server.ThreadingHTTPServer):
    """Answers `patience` questions with their length, then says nothing any more."""

    def __init__(self, patience):
        super().__init__(("127.0.0.1", 0), Handler)
        self.patience, self.asked, self.lock, self.ended = patience, 0, threading.Lock(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked += 1
            hangs = self.server.asked > self.server.patience
        if hangs:
            self.server.ended.wait()
            return
        text = f"[[{len(body['messages'][0]['content'])}]]"
        answer = json.dumps(dict(choices=[dict(message=dict(role="assistant", content=text))])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def check_hanging(binary, folder, ranks):
    place = folder / f"hanging-{ranks}"
    place.mkdir()
    server = Server(patience=3)
    spec = lambda server: f"endpoint:http://127.0.0.1:{server.server_port}/v1,model=m,prompt={folder / 'question.txt'}"
    began = time.time()
    done = annotate(binary, folder, place / "out.jsonl", spec(server), place / "cache", ranks, check=False)
    took = time.time() - began
    server.ended.set()
    lines = [line for line in done.stderr.splitlines() if "row " in line]
    print(f"hanging, {ranks} ranks: status {done.returncode} after {took:.0f} s: {lines}", flush=True)
    assert done.returncode == 2 and took < 380 and len(lines) == 1 and not (place / "out.jsonl").exists(), done.stderr
    assert ranks > 1 or "row 4:" in lines[0], "the row isn't that of the response"
    port = server.server_port
    server.shutdown()
    server.server_close()
    # The same address, so the same command; what is kept goes by it.
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    other = Server.__new__(Server)
    http.server.ThreadingHTTPServer.__init__(other, ("127.0.0.1", port), Handler)
    other.patience, other.asked, other.lock, other.ended = 100, 0, threading.Lock(), threading.Event()
    threading.Thread(target=other.serve_forever, daemon=True).start()
    annotate(binary, folder, place / "out.jsonl", spec(other), place / "cache", ranks)
    expected = [float(len(QUESTION.replace("{response}", text))) for text in GRADES]
    assert grades(place / "out.jsonl") == expected
    assert other.asked == len(GRADES) - 3, f"{other.asked} questions were asked again"
    other.shutdown()
    print(f"hanging, {ranks} ranks: the same command goes on and asks the {other.asked} that were left", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", type=pathlib.Path, default=SHARED / "models/stories260K")
    parser.add_argument("--llama")
    parser.add_argument("--transformers")
    parser.add_argument("--hang", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        answers(folder)
        if given.llama or given.transformers:
            taught = teach(given.binary, folder, given.model)
            for text, grade in GRADES.items():
                row = json.dumps(dict(prompt=[dict(role="user", content=QUESTION.replace("{response}", text))]))
                (folder / "one.jsonl").write_text(row + "\n")
                start(given.binary, ["generate", "--model", taught, "--prompts", folder / "one.jsonl", "--temperature", 0,
                                     "--max-new-tokens", 12, "--output", folder / "said.jsonl"])
                said = read_lines(folder / "said.jsonl")[0]["response"]
                assert said == f"[[{grade}]]", f"the model says {said} of {text}"
                (folder / "said.jsonl").unlink()
            print("taught         generate says the grades")
        if given.llama:
            gguf = folder / "taught.gguf"
            start(given.binary, ["export", "--model", taught, "--format", "gguf", "--output", gguf, "--dtype", "f32"])
            port = free_port()
            check_server("llama-cpp", given.binary, folder, [
                given.llama, "-m", "llama_cpp.server", "--model", gguf, "--host", "127.0.0.1", "--port", port,
                "--n_ctx", 256, "--n_threads", 1], port, "taught", taught)
        if given.transformers:
            port = free_port()
            check_server("transformers", given.binary, folder, [
                pathlib.Path(given.transformers).parent / "transformers", "serve", "--port", port, "--host", "127.0.0.1",
                "--device", "cpu"], port, taught, taught)
        if given.hang:
            check_hanging(given.binary, folder, 1)
            check_hanging(given.binary, folder, 2)


if __name__ == "__main__":
    main()
