import Foundation
import Testing

/// `catalog fit`, and the flags that reach the KV pool, as their users type them.
@Suite(.serialized) struct FitCommandTests {
  private let trace = "arrival_s,prompt_tokens,output_tokens\n0,50,6\n1,40,9\n2,30,4\n"

  private func scenario(_ run: Tool.Run) throws -> [String: String] {
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any], "\(run)")
    let provenance = try #require(object["provenance"] as? [String: Any])
    return try #require(provenance["scenario"] as? [String: String])
  }

  /// The paper's Table 1: OPT-13B leaves 12 GB for 15.7K tokens.
  @Test func thePapersTableOne() throws {
    let run = try Tool.run([
      "catalog", "fit", "--model", "opt-13b", "--device", "a100-40gb", "--system", "vllm-sosp23",
    ])
    #expect(run.status == 0)
    #expect(
      run.output == """
        per GPU                      GB      GiB
        ──────────────────────  ───────  ───────  ─────────────────────────────────
        device memory            42.299   39.394  `a100-40gb`, as an engine sees it
        reserve                  -2.115   -1.970  95.0 % may be used
        weights                 -25.707  -23.941  16-bit, tensor parallel 1
        activation peak          -0.515   -0.479  2560 tokens in an iteration
        CUDA context and other   -1.074   -1.000
        CUDA graphs               0.000    0.000  none, or taken from the reserve
        communication buffers     0.000    0.000  none for one GPU
        KV cache                 12.888   12.003  16-bit

        983 blocks of 16 tokens (13107200 bytes each): 15728 tokens, 7.68 sequences of 2048

        How many fit: 15728 tokens,
        as whole sequences 7 of 2048.
        sequences of  blocks each   fit
        ────────────  ───────────  ────
                2048          128  7.68

        What fits more than 15728 tokens:
        change                    tokens  more by, %
        ────────────────────────  ──────  ──────────  ─────────────
        --tensor-parallel-size 2   62800       299.3  2 GPUs, not 1

        What the lines rest on:
        line                    rests on
        ──────────────────────  ─────────────  ────────────────────────────────────────
        device memory           reported       drivers differ by up to 0.2 GiB
        reserve                 setting        1 − `--gpu-memory-utilization`
        weights                 configuration  parameters × bytes
        activation peak         formula        the PagedAttention artifact's
        CUDA context and other  table          the artifact's allowance
        CUDA graphs             uncharged      taken from the reserve, if there are any
        communication buffers   uncharged      one GPU
        KV cache                remainder      of the lines above

        """, "\(run.output)")
  }

  /// A log's figures beside ours, its pool in place of ours, a trace and lengths of one's own, in every format.
  @Test func aLogAndATraceAreAnswered() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = folder.appending(path: "vllm.log")
    try Data(
      "GPU KV cache size: 16,000 tokens\nMaximum concurrency for 8,192 tokens per request: 1.95x\n"
        .utf8
    ).write(to: log)
    let requests = folder.appending(path: "t.csv")
    try Data(trace.utf8).write(to: requests)
    let arguments = [
      "catalog", "fit", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--max-model-len",
      "8192", "--kv-cache-from-log", log.path, "--trace", requests.path, "--context", "4096,1024",
    ]
    let run = try Tool.run(arguments)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
    #expect(
      run.output.contains(
        "a log of vLLM:\nAnswered by the log's pool: 1000 blocks, where ours would have "),
      "\(run.output)")
    #expect(
      run.output.contains(
        "1000 blocks of 16 tokens (2097152 bytes each): 16000 tokens, 1.95 sequences of 8192\n"))
    #expect(
      run.output.contains(
        """
        How many fit: 16000 tokens,
        as whole sequences 15 of 1024, 3 of 4096.
        sequences of  blocks each    fit
        ────────────  ───────────  ─────
                1024           64  15.63
                4096          256   3.91

        """), "\(run.output)")
    // 56, 49 and 34 tokens take 4, 4 and 3 blocks; half of their outputs done, 53, 44 and 32 take 4, 3 and 2.
    #expect(
      run.output.contains(
        """
        , 3 requests, prompt and output together:
        272 of its mean, 250 of its 90th percentile.
        a request                 tokens  blocks  requests that fit
        ────────────────────────  ──────  ──────  ─────────────────
        mean, half of the output    43.0     3.0              333.3
        mean                        46.3     3.7              272.7
        p50                         49.0     4.0              250.0
        p90                         56.0     4.0              250.0
        max                         56.0     4.0              250.0

        """), "\(run.output)")
    let object = try #require(
      try JSONSerialization.jsonObject(
        with: Data(try Tool.run(arguments + ["--format", "json"]).output.utf8)) as? [String: Any])
    #expect(object["pool_of"] as? String == "log" && object["kv_tokens"] as? Int == 16000)
    let lines = try #require((object["log"] as? [String: Any])?["lines"] as? [[String: Any]])
    #expect(lines.map { $0["name"] as? String } == ["tokens", "sequences of 8192"])
    #expect((object["levers"] as? [[String: Any]])?.isEmpty == false)
    let rows = try #require((object["trace"] as? [String: Any])?["rows"] as? [[String: Any]])
    #expect(rows.count == 5 && rows[1]["sequences"] as? Double == 1000 * 3 / 11.0)
    let csv = try Tool.run(arguments + ["--format", "csv"]).output.split(separator: "\n")
    #expect(csv[0] == "section,name,value,unit,note")
    #expect(csv.contains("pool,blocks,1000,blocks,of the log"))
    #expect(csv.contains("log,tokens,16000.0,tokens,line 1"))
    #expect(csv.contains("trace,p90,250.0,sequences,"))
  }

  /// Every table but that of the groups stays within 80 columns; a sentence is broken by the terminal.
  @Test func narrowTerminalsAreEnough() throws {
    let run = try Tool.run([
      "catalog", "fit", "--model", "llama-3.1-70b", "--device", "h100-sxm",
      "--tensor-parallel-size", "4", "--engine-release", "0.10",
    ])
    let lines = run.output.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 80 || $0.contains(" bytes each)") }, "\(run.output)")
  }

  @Test func whatCannotBeCountedIsSaid() throws {
    let fit = ["catalog", "fit", "--model", "llama-3.1-8b", "--device", "h100-sxm"]
    let long = try Tool.run(fit + ["--context", "8192,200000"])
    #expect(long.status == 2)
    #expect(
      long.errors == """
        error: `--context` 200000 is longer than the longest sequence, 131072 tokens

        hint: give at most 131072, or raise `--max-model-len`

        """)
    let wrong = try Tool.run(fit + ["--context", "8k"])
    #expect(
      wrong.errors == "error: `--context` must be whole numbers of tokens by commas, found `8k`\n")
    let longer = try Tool.run(fit + ["--max-model-len", "200000"])
    #expect(longer.status == 2)
    #expect(
      longer.errors == """
        error: `--max-model-len` is 200000, but `llama-3.1-8b` has 131072 positions (`max_position_embeddings`)

        hint: use at most 131072; vLLM takes more with `VLLM_ALLOW_LONG_MAX_MODEL_LEN=1`, where outputs may be \
        wrong: `--hf-overrides '{"model_max_length": 200000}'` stands for it

        """)
    let past = try Tool.run(
      fit + ["--max-model-len", "200000", "--hf-overrides", #"{"model_max_length": 200000}"#])
    #expect(past.status == 0 && past.output.contains("sequences of 200000"), "\(past)")
  }

  /// Layers with a window beside layers that keep everything: seven groups over one pool.
  @Test func groupsOfUnlikeLayersShareThePool() throws {
    let arguments = ["catalog", "fit", "--model", "gemma-3-27b", "--device", "h100-sxm"]
    func fit(bytes: String, tokens: String) throws -> Tool.Run {
      try Tool.run(
        arguments + ["--kv-cache-memory-bytes", bytes, "--max-num-batched-tokens", tokens])
    }
    let run = try fit(bytes: "16661000000", tokens: "2048")
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(
      run.output.contains(
        """
        KV cache                 16.661   15.517  16-bit

        KV groups  keep            layers  tokens of a block    bytes  blocks of a sequence
        ─────────  ──────────────  ──────  ─────────────────  ───────  ────────────────────
                4  window of 1024       9                 16  1179648                   193
                2  window of 1024       8                 16  1048576                   193
                1  all                 10                 16  1310720                  8192

        12711 blocks (1310720 bytes each, one stands for none); a sequence of 131072 takes 9350: 178187 \
        tokens, 1.36 sequences

        """), "\(run.output)")
    // More tokens of an iteration are computed before what lies behind a window is freed.
    let larger = try fit(bytes: "16661000000", tokens: "8192")
    #expect(larger.output.contains("a sequence of 131072 takes 11654: "), "\(larger.output)")
    let tight = try Tool.run(
      arguments + [
        "--kv-cache-memory-bytes", "9000000000", "--max-num-batched-tokens", "2048",
        "--max-model-len", "131072",
      ])
    #expect(tight.status == 1)
    #expect(
      tight.errors.contains(
        "GB short of one sequence of `--max-model-len` 131072 tokens (9351 blocks)\n"),
      "\(tight.errors)")
    let other = try Tool.run(arguments + ["--system", "vllm-0.2"])
    #expect(other.output.contains(" blocks of 16 tokens (8126464 bytes each): "))
    #expect(other.errors.contains("keeps the whole context in 52 layers"))
  }

  @Test func groupsAreListedForPrograms() throws {
    let run = try Tool.run([
      "catalog", "fit", "--model", "gemma-2-2b", "--device", "l4", "--format", "json",
    ])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let groups = try #require(object["kv_groups"] as? [[String: Any]])
    #expect(groups.map { $0["keeps"] as? String } == ["window of 4096", "all"])
    #expect(groups.map { $0["layers"] as? Int } == [13, 13])
    // ⌈(4095 + 2048) / 16⌉ + 1 and ⌈8192 / 16⌉.
    #expect(groups.map { $0["blocks_per_sequence"] as? Int } == [385, 512])
    #expect(object["blocks_per_sequence"] as? Int == 897)
    #expect(object["scheduler_block_size"] as? Int == 16)
    #expect(object["hash_block_size"] as? Int == 16)
  }

  /// Bytes of a context: those of the blocks that stay of it.
  @Test func modelsAreListedWithWhatTheyKeep() throws {
    let run = try Tool.run(["catalog", "models", "--format", "json"])
    let models = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    let gemma = try #require(models.first { $0["name"] as? String == "gemma-3-27b" })
    #expect(gemma["layers_by_kind"] as? String == "52 window of 1024, 10 all")
    #expect(
      gemma["kv_bytes_per_token_by_group"] as? String
        == "4 × 73728 window of 1024, 2 × 65536 window of 1024, 81920 all")
    // Six windows of 64 blocks, and 512, 2,048 or 8,192 of the rest.
    for (name, blocks) in [("8k", 896), ("32k", 2432), ("128k", 8576)] {
      #expect(gemma["kv_bytes_\(name)"] as? Int == blocks * 1_310_720)
    }
    let llama = try #require(models.first { $0["name"] as? String == "llama-3-8b" })
    #expect(llama["kv_bytes_8k"] as? Int == 1 << 30)
    #expect(llama["kv_bytes_32k"] is NSNull)
  }

  /// A card that is not in the catalogue, or is not what its data sheet says.
  @Test func theMemoryCanBeGiven() throws {
    let arguments = [
      "catalog", "fit", "--model", "llama-3.1-8b", "--device", "h100-sxm", "--device-memory",
      "79.25",
    ]
    let run = try Tool.run(arguments)
    #expect(run.status == 0)
    #expect(
      run.output.contains(
        "device memory            85.094   79.250  `h100-sxm`, as given\n"), "\(run.output)")
    for (given, words) in [("0", "0.0"), ("1e9", "1000000000.0")] {
      let wrong = try Tool.run(arguments.dropLast() + [given])
      #expect(wrong.status == 2)
      #expect(
        wrong.errors
          == "error: `--device-memory` must be positive GiB, at most 65536, found `\(words)`\n")
    }
    let fleet = try Tool.run([
      "plan", "fleet", "in.csv", "--devices", "l4,l40s", "--device-memory", "40", "--model",
      "llama-3.1-8b", "--slo", "ttft.p99<=2s", "--request-rate", "1",
    ])
    #expect(
      fleet.errors.contains("`--device-memory` 40.0 is for one device, `--devices` names 2"),
      "\(fleet.errors)")
  }

  /// A release of which only the memory is known, a device without prices, and a cache in bytes.
  @Test func whatIsNotSimulatedIsSaid() throws {
    let fit = ["catalog", "fit", "--model", "llama-3.1-8b", "--max-model-len", "8192"]
    let old = try Tool.run(fit + ["--device", "h100", "--engine-release", "0.6.6"])
    #expect(old.status == 0 && old.output.contains("8192 tokens in an iteration"), "\(old)")
    let given = try Tool.run(
      fit + ["--device", "h100", "--kv-cache-memory-bytes", "2097152000"])
    #expect(given.output.contains("given by `--kv-cache-memory-bytes`"), "\(given)")
    #expect(given.output.contains("1000 blocks of 16 tokens"), "\(given)")
    let tpu = try Tool.run(fit + ["--device", "tpu-v6e"])
    #expect(tpu.status == 0, "\(tpu)")
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
    try Data(trace.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let simulate = ["simulate", file.path, "--system", "vllm-v1", "--model", "llama-3.1-8b"]
    let unscheduled = try Tool.run(
      simulate + ["--device", "h100-sxm", "--engine-release", "0.7"])
    #expect(
      unscheduled.errors.contains(
        "`vllm-v1` does not schedule as release `0.7`, which served with the engine before it"),
      "\(unscheduled)")
    let unpriced = try Tool.run(simulate + ["--device", "tpu-v6e"])
    #expect(
      unpriced.errors.contains(
        "iterations have no price on `tpu-v6e`: only its memory is known"), "\(unpriced)")
  }

  /// A name that says how weights are stored is as good as the flag.
  @Test func aNameSetsTheQuantization() throws {
    func fit(_ arguments: [String]) throws -> Tool.Run {
      try Tool.run(["catalog", "fit", "--device", "h100-sxm"] + arguments)
    }
    let named = try fit(["--model", "RedHatAI/Qwen3-32B-FP8-dynamic"])
    let flagged = try fit(["--model", "qwen3-32b", "--quantization", "fp8"])
    #expect(named.status == 0 && named.output == flagged.output)
    let both = try fit(["--model", "RedHatAI/Qwen3-32B-FP8-dynamic", "--quantization", "int4"])
    #expect(both.status == 2)
    #expect(
      both.errors == """
        error: `--quantization int4` contradicts `qwen3-32b`, whose weights are stored as fp8

        hint: leave out `--quantization`, or give the configuration of a 16-bit checkpoint

        """)
  }

  /// A log of a model that only a published configuration tells of, and one that nothing tells of.
  @Test func startUpLogsAreAnswered() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = """
      {"architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 16,
       "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192,
       "vocab_size": 128256, "max_position_embeddings": 131072, "tie_word_embeddings": true}
      """
    try Data(config.utf8).write(to: folder.appending(path: "me--Own-1B_config.json"))
    let header =
      "row,engine,engine_version,model,gpu,gpu_memory_gib,tp,quantization,kv_cache_dtype,"
      + "gpu_memory_utilization,max_model_len,max_num_batched_tokens,max_num_seqs,block_size,"
      + "available_kv_gib,gpu_blocks\n"
    let rows = ["Own-1B", "Other-1B"].map {
      "\($0),vllm,0.11.0,\($0),H100 80GB,79.18,1,none,auto,0.9,8192,,,16,66,\n"
    }
    let logs = folder.appending(path: "logs.csv")
    try Data((header + rows.joined()).utf8).write(to: logs)
    let run = try Tool.run([
      "validate", "kv", logs.path, "--configurations", folder.path, "--format", "csv",
    ])
    #expect(run.status == 0)
    #expect(run.errors == "row Other-1B: unknown model `Other-1B`\n")
    let lines = run.output.split(separator: "\n").map { $0.split(separator: ",") }
    #expect(lines.count == 2 && lines[1][0] == "Own-1B" && lines[1][9] == "yes", "\(run.output)")
    let wrong = try Tool.run(["validate", "kv", logs.path, "--configurations", "/no/such"])
    #expect(wrong.status == 2 && wrong.errors == "error: cannot read the folder `/no/such`\n")
  }

  @Test func theAnswerIsNo() throws {
    let run = try Tool.run([
      "catalog", "fit", "--model", "llama-3.1-70b", "--device", "h100-sxm", "--format", "json",
    ])
    #expect(run.status == 1)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(object["fits"] as? Bool == false)
    #expect(object["num_blocks"] as? Int == 0)
    let lines = try #require(object["lines"] as? [[String: Any]]).compactMap { $0["bytes"] as? Int }
    #expect(lines.dropLast().reduce(0, +) == lines.last)
    #expect(run.errors.hasPrefix("error: `llama-3.1-70b` does not fit on `h100-sxm`: "))
    #expect(run.errors.contains("`--tensor-parallel-size 2`"))
  }

  /// A folder with a configuration of that architecture, of Llama-3.1-8B's numbers.
  private func configFolder(_ architecture: String) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "kvplan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let config = """
      {"architectures": ["\(architecture)"], "hidden_size": 4096, "intermediate_size": 14336,
       "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
       "vocab_size": 128256, "max_position_embeddings": 131072, "_name_or_path": "org/Own-8B",
       "quantization_config": {"quant_method": "fp8", "modules_to_not_convert": ["lm_head"]}}
      """
    try Data(config.utf8).write(to: folder.appending(path: "config.json"))
    return folder
  }

  @Test func aModelIsReadFromItsConfiguration() throws {
    let folder = try configFolder("LlamaForCausalLM")
    defer { try? FileManager.default.removeItem(at: folder) }
    func fit(_ model: String, _ more: String...) throws -> [String: Any] {
      let run = try Tool.run(
        ["catalog", "fit", "--model", model, "--device", "h100-sxm", "--format", "json"] + more)
      #expect(run.status == 0, "\(run)")
      let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
      return try #require(object as? [String: Any])
    }
    let known = try fit("llama-3.1-8b", "--quantization", "fp8")
    for path in [folder.path, folder.appending(path: "config.json").path] {
      let read = try fit(path)
      #expect(read["model"] as? String == "own-8b")
      #expect(read["quantization"] as? String == "fp8")
      #expect(read["num_blocks"] as? Int == known["num_blocks"] as? Int)
    }
    let other = try Tool.run([
      "catalog", "fit", "--model", folder.path, "--device", "h100-sxm", "--quantization", "int4",
    ])
    #expect(other.status == 2)
    #expect(
      other.errors.hasPrefix(
        "error: `--quantization int4` contradicts `\(folder.path)/config.json`, whose weights are "
          + "stored as fp8\n"))
  }

  @Test func anUnknownArchitectureEndsWithTwo() throws {
    let folder = try configFolder("SphinxForCausalLM")
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try Tool.run([
      "catalog", "fit", "--model", folder.path, "--device", "h100-sxm",
    ])
    #expect(run.status == 2)
    #expect(
      run.errors.hasPrefix(
        "error: \(folder.path)/config.json: the architecture `SphinxForCausalLM` is not known\n"))
  }

  @Test func aWrongTypeNamesTheAllowed() throws {
    let run = try Tool.run(["catalog", "fit", "--kv-cache-dtype", "int3"])
    #expect(run.status == 64)
    #expect(run.errors.contains("it takes `auto`, `bfloat16`, `fp8`, `fp8_e4m3`, `fp8_e5m2`"))
    let weights = try Tool.run(["catalog", "fit", "--quantization", "fp7"])
    #expect(weights.status == 64)
    #expect(weights.errors.contains("it takes `none`, `fp8`, `int8`, `int4`, `nvfp4`"))
  }

  @Test func takesThePoolFromALog() throws {
    let log = URL(filePath: NSTemporaryDirectory()).appending(path: "\(UUID().uuidString).log")
    try Data("INFO GPU KV cache size: 43,904 tokens\n".utf8).write(to: log)
    defer { try? FileManager.default.removeItem(at: log) }
    let arguments = ["simulate", "-", "--format", "json", "--kv-cache-from-log", log.path]
    let run = try Tool.run(paper: arguments, input: trace)
    #expect(try scenario(run)["num-gpu-blocks"] == "2744")
    let both = try Tool.run(paper: arguments + ["--num-gpu-blocks-override", "5"], input: trace)
    #expect(both.status == 2)
    #expect(
      both.errors == """
        error: `--num-gpu-blocks-override` and `--kv-cache-from-log` both give the KV blocks

        hint: leave one of them out

        """)
    let none = try Tool.run(
      paper: ["simulate", "-", "--kv-cache-from-log", "none.log"], input: trace)
    #expect(none.errors == "error: cannot read the log `none.log`: no such file\n")
  }

  /// Closed-loop clients, warm-ups, narrow types and stages: both ways of stepping, the same bytes.
  @Test func bothWaysOfSteppingPrintTheSame() throws {
    let arguments = [
      "simulate", "-", "--format", "json", "--system", "vllm-v1", "--max-concurrency", "2",
      "--num-warmups", "2", "--kv-cache-dtype", "fp8", "--quantization", "int8",
      "--pipeline-parallel-size", "2", "--stepping",
    ]
    let runs = try ["event", "iteration"].map {
      try Tool.run(paper: arguments + [$0], input: trace)
    }
    #expect(runs[0].status == 0)
    #expect(runs[0].output == runs[1].output)
    let fields = try scenario(runs[0])
    #expect(fields["max-concurrency"] == "2")
    #expect(fields["quantization"] == "int8")
    #expect(fields["kv-cache-dtype"] == "fp8")
    #expect(fields["pipeline-parallel-size"] == "2")
    #expect(runs[0].errors.contains("int8 products"))
  }

  @Test func comparesReleasesBySystem() throws {
    let run = try Tool.run(
      paper: [
        "compare", "-", "--systems", "vllm-0.2,vllm-v1", "--format", "json", "--engine-release",
        "vllm-0.2=0.2.0,vllm-v1=0.10",
      ], input: trace)
    #expect(run.status == 0)
    #expect(run.output.contains("\"engine-release\": \"0.2.0\""))
    #expect(run.output.contains("\"engine-release\": \"0.10\""))
  }
}
