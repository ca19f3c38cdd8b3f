/// TensorRT-LLM: what each flag of `trtllm-serve` becomes. The names are from ``Engine/source``.
extension EngineFlag {
  static let trtllm: [EngineFlag] =
    [
      EngineFlag("model", .one, .model),
      EngineFlag("tp-size tensor-parallel-size", .one, .setting("tensor-parallel-size")),
      EngineFlag("pp-size pipeline-parallel-size", .one, .setting("pipeline-parallel-size")),
      EngineFlag(
        "ep-size moe-expert-parallel-size", .one,
        .byValue(["1": .nothing], else: .given("enable-expert-parallel", nil))),
      EngineFlag("max-batch-size", .one, .setting("max-num-seqs")),
      EngineFlag("max-num-tokens", .one, .setting("max-num-batched-tokens")),
      EngineFlag("max-seq-len", .one, .setting("max-model-len")),
      EngineFlag(
        "kv-cache-free-gpu-memory-fraction free-gpu-memory-fraction", .one,
        .setting("gpu-memory-utilization")),
      EngineFlag("kv-cache-dtype", .one, .kvCacheType),
      EngineFlag("enable-chunked-prefill", .none, .given("enable-chunked-prefill", nil)),
      EngineFlag(
        "extra-llm-api-options config", .one,
        .matters(
          """
          the settings in the file are not read: write those of the cache and the scheduler as flags \
          (`--block-size`, `--gpu-memory-utilization`, `--capacity-scheduler-policy`)
          """)),
      matters(
        "max-beam-width", unless: "1",
        effect: "requests sample one sequence unless the trace has beams"),
      matters(
        "cp-size context-parallel-size", unless: "1",
        effect: "a prompt is computed by the GPUs of one `--tp_size` group"),
      matters(
        "cluster-size moe-cluster-parallel-size", unless: "1",
        effect: "experts are spread without clusters"),
      matters("backend", unless: "pytorch", effect: "the PyTorch backend is simulated"),
      EngineFlag("server-role", .one, .apart),
    ]
    + each(
      """
      tokenizer custom-tokenizer host port log-level custom-module-dirs gpus-per-node
      num-postprocess-workers revision reasoning-parser tool-parser metadata-server-config-file
      otlp-traces-endpoint disagg-cluster-uri media-io-kwargs chat-template served-model-name
      """, .one, .nothing)
    + each("trust-remote-code fail-fast-on-attention-window-too-large grpc", .none, .nothing)
}
