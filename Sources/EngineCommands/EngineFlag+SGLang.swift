/// SGLang: what each flag of `sglang serve` becomes. The names are from ``Engine/source``.
extension EngineFlag {
  static let sglang = sglangSimulated + sglangNotSimulated + sglangIdle

  private static let sglangSimulated: [EngineFlag] = [
    EngineFlag("model-path model", .one, .model),
    EngineFlag("tp-size tp tensor-parallel-size", .one, .setting("tensor-parallel-size")),
    EngineFlag("pp-size pp pipeline-parallel-size", .one, .setting("pipeline-parallel-size")),
    EngineFlag("dp-size dp data-parallel-size", .one, .ranks),
    EngineFlag("enable-dp-attention", .none, .given("enable-dp-attention", nil)),
    EngineFlag(
      "attn-dp-size", .one,
      .byValue(
        ["1": .nothing],
        else: .all([.setting("data-parallel-size"), .given("enable-dp-attention", nil)]))),
    EngineFlag(
      "ep-size ep expert-parallel-size", .one,
      .byValue(["1": .nothing], else: .given("enable-expert-parallel", nil))),
    EngineFlag("enable-ep-moe", .none, .given("enable-expert-parallel", nil)),
    EngineFlag("quantization", .one, .quantization),
    EngineFlag("dtype", .one, .dtype),
    EngineFlag("kv-cache-dtype", .one, .kvCacheType),
    EngineFlag("context-length", .one, .setting("max-model-len")),
    EngineFlag("mem-fraction-static", .one, .setting("gpu-memory-utilization")),
    EngineFlag("max-running-requests", .one, .setting("max-num-seqs")),
    EngineFlag(
      "chunked-prefill-size", .one,
      .byValue(
        ["-1": .given("no-enable-chunked-prefill", nil)], else: .setting("max-num-batched-tokens"))),
    EngineFlag("max-prefill-tokens", .one, .setting("max-prefill-tokens")),
    EngineFlag("prefill-max-requests", .one, .setting("prefill-max-requests")),
    EngineFlag("scheduler-recv-interval", .one, .setting("scheduler-recv-interval")),
    EngineFlag("page-size", .one, .setting("block-size")),
    EngineFlag("schedule-conservativeness", .one, .setting("schedule-conservativeness")),
    EngineFlag(
      "schedule-policy", .one,
      .byValue(
        Dictionary(
          uniqueKeysWithValues: ["fcfs", "lpm", "dfs-weight", "lof", "hrrn", "random"].map {
            ($0, .setting("schedule-policy"))
          }),
        else: .matters("requests are tried in order of arrival"))),
    EngineFlag("disable-radix-cache", .none, .given("no-enable-prefix-caching", nil)),
    EngineFlag("enable-mixed-chunk", .none, .given("enable-mixed-chunk", nil)),
    EngineFlag("disable-overlap-schedule", .none, .given("disable-overlap-schedule", nil)),
    EngineFlag("enable-priority-scheduling", .none, .given("enable-priority-scheduling", nil)),
    EngineFlag(
      "schedule-low-priority-values-first", .none,
      .given("schedule-low-priority-values-first", nil)),
    EngineFlag(
      "priority-scheduling-preemption-threshold", .one,
      .setting("priority-scheduling-preemption-threshold")),
    EngineFlag("disable-priority-preemption", .none, .given("disable-priority-preemption", nil)),
    EngineFlag("retraction-policy", .one, .setting("retraction-policy")),
    EngineFlag(
      "enable-hierarchical-cache", .none, .given("enable-hierarchical-cache", nil)),
    EngineFlag("hicache-ratio", .one, .setting("hicache-ratio")),
    EngineFlag("hicache-size", .one, .setting("hicache-size")),
    EngineFlag("hicache-write-policy", .one, .setting("hicache-write-policy")),
    EngineFlag("json-model-override-args", .one, .overrides),
    EngineFlag(
      "speculative-algorithm speculative-algo", .one,
      .byValue(
        Dictionary(
          uniqueKeysWithValues: ["EAGLE", "EAGLE3", "NEXTN", "STANDALONE"].map {
            ($0.lowercased(), .given("speculative-algorithm", $0))
          }),
        else: .speculation)),
    EngineFlag("enable-two-batch-overlap", .none, .given("enable-two-batch-overlap", nil)),
    EngineFlag("speculative-num-steps", .one, .setting("speculative-num-steps")),
    EngineFlag("speculative-eagle-topk", .one, .setting("speculative-eagle-topk")),
    EngineFlag("speculative-num-draft-tokens", .one, .setting("speculative-num-draft-tokens")),
    EngineFlag(
      "speculative-draft-model-path speculative-draft-model", .one,
      .setting("speculative-draft-model-path")),
  ]

  private static let sglangNotSimulated: [EngineFlag] =
    each("enable-lora", .none, .adapters) + each("lora-paths", .many, .adapters)
    + each("cpu-offload-gb", .one, .offloadedWeights)
    + each("disaggregation-mode", .one, .byValue(["null": .nothing], else: .apart))
    + [
      EngineFlag(
        "config", .one, .matters("the settings in the file are not read: write them as flags")),
      EngineFlag(
        "max-total-tokens", .one,
        .matters(
          """
          the pool is as large as the memory lets it be: give `--num-gpu-blocks-override`, these \
          tokens over `--page-size`
          """)),
      EngineFlag(
        "disable-cuda-graph", .none,
        .matters(
          """
          prices are those with graphs: small batches are slower there
          """)),
      EngineFlag(
        "radix-eviction-policy", .one,
        .byValue(["lru": .nothing], else: .matters("the least recently used is evicted first"))),
      EngineFlag(
        "attn-cp-size attention-context-parallel-size", .one,
        .byValue(
          ["1": .nothing], else: .matters("a prompt is computed by the GPUs of one `--tp` group"))),
    ]
    + each(
      "enable-lmcache", .none,
      .matters(
        """
        what the tree evicts is lost: there it is loaded from the host, and more prompts begin \
        behind what is cached
        """))
    + each(
      """
      enable-single-batch-overlap enable-torch-compile enable-eplb
      enable-pdmux
      """, .none, .matters("iterations are decided and priced without it"))
    + each(
      "num-continuous-decode-steps prefill-decode-interval", .one,
      .byValue(
        ["0": .nothing, "1": .nothing],
        else: .matters(
          """
          a prompt is tried before every iteration: TTFT is higher there, TPOT lower
          """)))
    + each(
      "hicache-storage-backend", .one, .matters("nothing is kept below the host's memory"))
    + each(
      "ep-num-redundant-experts", .one,
      .byValue(["0": .nothing], else: .matters("experts lie where they were put")))
    + each(
      "swa-full-tokens-ratio", .one, .matters("layers with windows are kept as full attention"))

  /// Names, addresses, texts, logs, how weights are loaded and which kernels run: a price is that of the device's profile.
  private static let sglangIdle: [EngineFlag] =
    each(
      """
      host port fastapi-root-path grpc-port api-key admin-api-key served-model-name chat-template
      completion-template file-storage-path reasoning-parser tool-call-parser tool-server
      log-level log-level-http log-requests-level crash-dump-folder bucket-time-to-first-token
      bucket-inter-token-latency collect-tokens-histogram decode-log-interval kv-events-config
      trace-level otlp-traces-endpoint gc-warning-threshold-secs sampling-defaults
      preferred-sampling-params weight-version
      """, .one, .nothing)
    + each(
      """
      skip-server-warmup log-requests show-time-cost enable-metrics
      enable-metrics-for-all-schedulers enable-request-time-stats-logging enable-cache-report
      enable-trace enable-custom-logit-processor enable-nan-detection grpc-mode
      disable-fast-image-processor
      """, .none, .nothing)
    + each(
      """
      tokenizer-path tokenizer-mode tokenizer-backend tokenizer-worker-num detokenizer-worker-num
      load-format model-loader-extra-config revision model-impl quantization-param-path
      download-dir base-gpu-id gpu-id-step random-seed device warmups
      constrained-json-whitespace-pattern grammar-backend watchdog-timeout dist-timeout
      dist-init-addr nccl-port nnodes node-rank stream-interval load-balance-method
      max-queued-requests moe-dense-tp-size default-priority-value
      """, .one, .nothing)
    + each(
      """
      trust-remote-code skip-tokenizer-init is-embedding enable-multimodal enable-fp32-lm-head
      stream-output enable-memory-saver enable-tokenizer-batch-encode disable-outlines-disk-cache
      enable-symm-mem enable-p2p-check enable-nccl-nvls disable-custom-all-reduce
      disable-cuda-graph-padding enable-profile-cuda-graph enable-dp-lm-head enable-mscclpp
      enable-deterministic-inference enable-draft-weights-cpu-backup allow-auto-truncate
      delete-ckpt-after-loading abort-on-priority-when-disabled
      """, .none, .nothing)
    + each(
      """
      attention-backend prefill-attention-backend decode-attention-backend sampling-backend
      mm-attention-backend nsa-prefill nsa-decode nsa-prefill-backend nsa-decode-backend
      moe-runner-backend moe-a2a-backend deepep-mode deepep-config fp8-gemm-backend
      fp4-gemm-backend cuda-graph-max-bs torch-compile-max-bs triton-attention-num-kv-splits
      speculative-token-map speculative-attention-mode speculative-moe-runner-backend
      speculative-draft-attention-backend speculative-draft-model-quantization eplb-algorithm
      ep-dispatch-algorithm init-expert-location max-lora-rank max-loras-per-batch lora-backend
      hicache-io-backend hicache-mem-layout hicache-storage-prefetch-policy hicache-storage-backend-extra-config
      disaggregation-transfer-backend disaggregation-bootstrap-port disaggregation-ib-device
      mamba-ssm-dtype mamba-full-memory-ratio linear-attention-backend
      max-micro-batch-size pp-max-micro-batch-size
      """, .one, .nothing)
    + each("cuda-graph-bs lora-target-modules", .many, .nothing)
    + each(
      """
      enable-flashinfer-allreduce-fusion enable-aiter-allreduce-fusion enable-flashinfer-mla
      enable-flashinfer-trtllm-moe enable-flashinfer-cutlass-moe enable-deepep-moe enable-flashmla
      enable-tf32-matmul disable-shared-experts-fusion disable-chunked-prefix-cache
      disable-hybrid-swa-memory enable-dynamic-chunking mm-enable-dp-encoder
      """, .none, .nothing)
}
