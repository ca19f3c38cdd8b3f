"""What tools/same-bytes runs on: small files of every format, traces that the older build generates, and how a build is run."""
import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS_A_COMMAND = 120


def lines_of(header, rows):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def small_files():
    """Name -> text of the inputs that are written here: one of each format, tables of kernels, points, what is broken."""
    sizes = list(itertools.product((1, 8, 64, 512, 4096), (1024, 4096, 16384), (1024, 4096)))
    attention = list(itertools.product((1, 4, 8, 32, 64), (8, 32), (128, 1024, 4096, 16384)))
    prompts = [(30 * i % 700 + 20, 17 * i % 90 + 5) for i in range(120)]
    turns = [("human", 1), ("gpt", 2), ("human", 3), ("gpt", 4)]
    chats = [{"id": str(i), "conversations": [{"from": who, "value": "so it goes, " * (i + words)} for who, words in turns]}
             for i in range(9)]
    models = [("Qwen/Qwen3-32B", "h100_sxm", "sglang", "0.5.1.post1", "", 2),
              ("Qwen/Qwen3-32B", "h100_sxm", "vllm", "0.12.0", "", 2),
              ("Qwen/Qwen3-32B", "h100_sxm", "trtllm", "1.0.0rc3", "fp8", 1),
              ("nvidia/Llama-3.1-8B-Instruct-FP8", "h200_sxm", "vllm", "0.12.0", "fp8", 1)]
    points = [(f"{i}-{clients}", *model[:5], model[4], model[5], 1, 1024, 128, clients, clients, 300 + 10 * clients, 15 + clients / 8,
               "made", "") for i, model in enumerate(models) for clients in (1, 16, 64)]
    requests = [(i, i * 0.2, i * 0.2, *prompts[i], i * 0.2, i * 0.2, i * 0.2 + 0.1, i * 0.2 + 0.1 + prompts[i][1] * 0.01,
                 " ".join(str(i * 50 + block) for block in range(prompts[i][0] // 16))) for i in range(60)]
    return {
        "small.csv": lines_of("arrival_s,prompt_tokens,output_tokens", [("", *pair) for pair in prompts]),
        "short.csv": lines_of("prompt_tokens,output_tokens", [(p // 4 + 1, o) for p, o in prompts]),
        "broken.csv": "arrival_s,prompt_tokens,output_tokens\n0,12,5\n1,-3,5\n2,9,x\n3,9,7\n", "broken.json": '[{"conversations": ',
        "dates.csv": "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.99,396,109\n",
        "burstgpt.csv": "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                        "5,a,1.5,ChatGPT,472,18,490,Conversation log\n45,b,2,ChatGPT,87,0,87,API log\n118,a,3,GPT-4,417,276,693,API log\n",
        "vidur.csv": "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n",
        "bailian.jsonl": '{"chat_id":0,"parent_chat_id":-1,"timestamp":0.0,"input_length":20,"output_length":4,"hash_ids":[0,1]}\n'
                         '{"chat_id":1,"parent_chat_id":0,"timestamp":6.1,"input_length":40,"output_length":6,"hash_ids":[0,2,3]}\n',
        "guidellm.jsonl": "".join(json.dumps({"timestamp": 1500 * i, "input_length": p, "output_length": o}) + "\n"
                                  for i, (p, o) in enumerate(prompts[:20])),
        "custom.jsonl": '{"prompt": "na\\u00efve", "output_tokens": 10}\n{"prompt": "What is it?", "output_tokens": 15}\n',
        "bench.json": '{"completed": 2, "input_lens": [13, 24], "output_lens": [3, 1], "ttfts": [0.1, NaN]}',
        "chat.json": json.dumps(chats),
        "instructions.json": '[{"instruction":"Add.","input":"2 and 3","output":"5"},{"instruction":"Say a word","output":"b"}]',
        "lengths.csv": "prompt_from,prompt_to,output_from,output_to,weight\n1,10,1,1,3\n11,20,100,109,1\n",
        "servegen/chunk-0-trace.csv": "0,2.0,1.5,Gamma,0.5,1.0\n600,0,0,,0,0\n1200,4.0,3.0,Weibull,0.6,0.2\n",
        "servegen/chunk-0-dataset.json": '{"0": {"input_tokens": "{10: 0.25, 20: 0.75}", "output_tokens": "{5: 1.0}"}}',
        "engine.log": "INFO starting\nINFO [kv_cache_utils.py] GPU KV cache size: 14,400 tokens\n",
        "points.csv": lines_of("row_id,model,system,backend,backend_version,precision,gemm_quant_mode,tp,pp,isl,osl,batch_size,concurrency,"
                               "ttft_ms,tpot_ms,source_group,measured_date", points),
        "requests.csv": lines_of("request_id,workload_arrival_s,arrival_s,prompt_tokens,output_tokens,queued_s,scheduled_s,"
                                 "first_token_s,last_token_s,block_hashes", requests),
        "tables/gemm.csv": lines_of("m,n,k,time_us", [(m, n, k, 4 + m * n * k / 1.5e8 + (m * k + n * k + m * n) / 4e5)
                                                      for m, n, k in sizes]),
        "tables/decode_attention.csv": lines_of("sequences,heads,kv_heads,context,head_dim,time_us",
                                                [(s, 32, g, c, 128, 5 + s * g * c / 1600) for s, g, c in attention]),
        "tables/prefill_attention.csv": lines_of("sequences,heads,kv_heads,tokens,context,head_dim,time_us",
                                                 [(s, 32, g, c, 0, 128, 6 + s * c * c / 2e4) for s, g, c in attention]),
        "tables/streaming.csv": lines_of("bytes,time_us", [(2**i, 3 + 2**i / 8e5) for i in range(10, 34)]),
    }


# Inputs that OLD makes from those: file -> command line.
MADE = {
    "chats.csv": "trace generate azure-conv --turns 4 --turn-gap 8 --system-prompts 10 --request-rate 1 --num-prompts 1000 "
                 "--max-model-len 8000",
    "azure.csv": "trace generate azure-code --request-rate 4 --num-prompts 600 --seed 3",
    "agents.jsonl": "trace generate --prompts lognormal:3000,0.4 --outputs lognormal:200,0.5 --turns 5 --request-rate 1 "
                    "--num-prompts 200 --max-model-len 8000 --to mooncake",
    "talk.csv": "trace generate sharegpt --request-rate 2 --num-prompts 200 --class chat",
    "code.csv": "trace generate alpaca --request-rate 3 --num-prompts 200 --seed 4 --class code",
    "classes.csv": "trace mix in/talk.csv in/code.csv",
    "samples.csv": "trace convert in/sampled.csv",
    "beams.csv": "trace convert in/searched.csv",
    "profile.json": "calibrate --from kvplan in/tables --device l40s --name mine",
}
# Traces -> how many of their first rows are files of their own, `in/sharegpt-300.csv`: what `--num-prompts` takes of a
# longer trace differs between builds.
FIRST_ROWS = {"sharegpt": (100, 200, 300, 500, 600, 800, 1000, 1200, 1500, 2000), "alpaca": (1000,)}

GRID = """sweep: grid
trace: in/sharegpt-100.csv
output: grid
base: {device: a100-40gb, block-size: 16}
axes:
  system: [vllm-sosp23, vllm-v1, orca-max, vattention]
  max-num-seqs: [16, 64]
  request-rate: {from: 0.5, to: 2, count: 3, scale: log}
  model: [opt-13b, opt-66b]
seeds: 2
skip-where: [{system: orca-max, request-rate: "> 1"}]
"""


def run(tool, arguments, folder):
    """Stream -> bytes of one command line, the exit status among them."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder.parent), "COLUMNS": "100",
                   "LANG": "C.UTF-8", "TZ": "UTC"}
    try:
        done = subprocess.run([tool, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS_A_COMMAND)
        streams, status = {"stdout": done.stdout, "stderr": done.stderr}, str(done.returncode)
    except subprocess.TimeoutExpired:
        streams, status = {"stdout": b"", "stderr": b""}, f"none within {SECONDS_A_COMMAND} s"
    for name, text in streams.items():
        text = text.replace(bytes(folder), b"FOLDER").replace(bytes(tool), b"kvplan")
        if name == "stderr":
            # How far a search is when a clock strikes.
            text = re.sub(rb"(?m)^\d+ of (about )?\d+ \w+(, about .* left| after .*)\n", b"", text)
        streams[name] = re.sub(rb"(?m)^time  .*$", b"time MASKED", text) if "--dry-run" in arguments else text
    return {"exit status": status.encode(), **streams}


def prepare(base, old):
    """Makes the folder of inputs, `in`, below `base`; `old` is the build that generates traces."""
    inputs = base / "in"
    for name, text in small_files().items():
        (inputs / name).parent.mkdir(parents=True, exist_ok=True)
        (inputs / name).write_text(text)
    for name, path in (("sharegpt.csv", "traces/sharegpt.csv"), ("alpaca.csv", "traces/alpaca.csv"),
                       ("gpt2.json", "Tests/Fixtures/Tokenizers/gpt2.json")):
        (inputs / name).symlink_to(ROOT / path)
    for name, counts in FIRST_ROWS.items():
        for count in counts:
            with (inputs / f"{name}.csv").open() as trace:
                (inputs / f"{name}-{count}.csv").write_text("".join(itertools.islice(trace, count + 1)))
    shutil.copytree(ROOT / "Tests/Goldens", inputs / "goldens")
    with (inputs / "sharegpt.csv").open() as trace:
        rows = [line.strip() for line in itertools.islice(trace, 1, 201)]
    header = "arrival_s,prompt_tokens,output_tokens,n,beam_width"
    (inputs / "sampled.csv").write_text(lines_of(header, [(row, 1 + i % 4, "") for i, row in enumerate(rows)]))
    (inputs / "searched.csv").write_text(lines_of(header, [(row, "", i % 4) for i, row in enumerate(rows)]))
    for name, line in MADE.items():
        made = run(old, [*shlex.split(line), "--output", f"in/{name}"], base)
        if made["exit status"] != b"0":
            raise OSError(f"OLD cannot make {name}: {made['stderr'].decode()}")
