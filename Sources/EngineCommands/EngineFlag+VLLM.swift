/// vLLM: what each flag of `vllm serve` becomes. The names are from ``Engine/source``.
extension EngineFlag {
  static let vllm = vllmSimulated + vllmNotSimulated + vllmIdle

  private static let vllmSimulated: [EngineFlag] = [
    EngineFlag("model model-tag", .one, .model),
    EngineFlag("tensor-parallel-size tp", .one, .setting("tensor-parallel-size")),
    EngineFlag("pipeline-parallel-size pp", .one, .setting("pipeline-parallel-size")),
    EngineFlag("data-parallel-size dp", .one, .ranks),
    onOff("enable-expert-parallel ep", "enable-expert-parallel"),
    EngineFlag("quantization q", .one, .quantization),
    EngineFlag("dtype", .one, .dtype),
    EngineFlag("kv-cache-dtype", .one, .kvCacheType),
    EngineFlag(
      "max-model-len", .one,
      .byValue(
        [
          "auto": .matters(
            """
            there the longest that fits is taken, here all of the model's positions
            """),
          "-1": .matters("there the longest that fits is taken, here all of the model's positions"),
        ], else: .setting("max-model-len"))),
    EngineFlag("max-num-seqs", .one, .setting("max-num-seqs")),
    EngineFlag("max-num-batched-tokens", .one, .setting("max-num-batched-tokens")),
    EngineFlag("block-size", .one, .setting("block-size")),
    EngineFlag("gpu-memory-utilization", .one, .setting("gpu-memory-utilization")),
    EngineFlag("kv-cache-memory-bytes kv-cache-memory", .one, .setting("kv-cache-memory-bytes")),
    EngineFlag("num-gpu-blocks-override", .one, .setting("num-gpu-blocks-override")),
    onOff("enable-prefix-caching", "enable-prefix-caching"),
    onOff("enable-chunked-prefill", "enable-chunked-prefill"),
    onOff("async-scheduling", "async-scheduling"),
    onOff("disable-cascade-attn", "disable-cascade-attn"),
    EngineFlag("long-prefill-token-threshold", .one, .setting("long-prefill-token-threshold")),
    EngineFlag("scheduling-policy", .one, .setting("scheduling-policy")),
    EngineFlag("enforce-eager", .none, .eager, no: .given("no-enforce-eager", nil)),
    EngineFlag("max-cudagraph-capture-size", .one, .setting("max-cudagraph-capture-size")),
    EngineFlag("compilation-config O cc", .one, .compilation),
    EngineFlag("cudagraph-capture-sizes cuda-graph-sizes", .many, .largestGraph),
    EngineFlag("kv-offloading-size", .one, .setting("kv-offloading-size")),
    EngineFlag("kv-offloading-backend", .one, .setting("kv-offloading-backend")),
    EngineFlag("speculative-config sc", .one, .setting("speculative-config")),
    EngineFlag("hf-overrides", .one, .overrides),
    EngineFlag("rope-scaling", .one, .ropeScaling),
  ]

  private static let vllmNotSimulated: [EngineFlag] =
    each("speculative-model", .one, .speculation)
    + each("enable-lora", .none, .adapters)
    + each("lora-modules default-mm-loras", .many, .adapters)
    + each("cpu-offload-gb moe-cpu-budget-gb offload-group-size", .one, .offloadedWeights)
    + [
      EngineFlag(
        "config", .one, .matters("the settings in the file are not read: write them as flags")),
      EngineFlag(
        "kv-transfer-config", .one,
        .matters(
          """
          keys and values stay in the engine: what is loaded from elsewhere, or sent to another \
          engine, takes other times there
          """)),
      matters(
        "decode-context-parallel-size dcp", unless: "1",
        effect: """
          each GPU keeps its heads' keys and values of all tokens: more tokens fit there
          """),
      matters(
        "prefill-context-parallel-size pcp", unless: "1",
        effect: """
          a prompt is computed by the GPUs of one `-tp` group: long prompts take less time there
          """),
      matters(
        "max-num-partial-prefills", unless: "1",
        effect: """
          prompts are computed in order: short ones behind a long one wait less there
          """),
      matters(
        "preemption-mode", unless: "recompute", effect: "preempted requests are computed again"),
      matters(
        "num-scheduler-steps", unless: "1",
        effect: """
          every iteration is decided: multi-step scheduling of vLLM V0 has less overhead, and later \
          admissions
          """),
      matters(
        "scheduler-delay-factor", unless: "0", "0.0",
        effect: "no prompt waits on purpose: TTFT is higher there"),
      matters("runner", unless: "auto", "generate", effect: "generation is simulated"),
      matters("task", unless: "auto", "generate", effect: "generation is simulated"),
    ]
    + each(
      "enable-dbo enable-eplb kv-sharing-fast-prefill", .none,
      .matters("iterations are priced without it"))
    + each(
      "eplb-config num-redundant-experts", .one,
      .matters(
        """
        experts lie where they were put: the fullest GPU has less to do there
        """))
    + each(
      "disable-sliding-window", .none,
      .matters("windows stay: without them requests are no longer than one"))
    + each(
      "disable-hybrid-kv-cache-manager", .none,
      .matters(
        """
        layers with windows give blocks back here: fewer tokens fit there
        """))
    + each(
      "limit-mm-per-prompt mm-processor-kwargs video-pruning-rate", .one,
      .matters(
        """
        images and videos are not counted: there the vision tower takes memory
        """))
    + each(
      "language-model-only skip-mm-profiling", .none,
      .matters(
        """
        the memory that a vision tower takes while it runs is counted neither way
        """))
    + each(
      """
      mamba-block-size mamba-cache-dtype mamba-ssm-cache-dtype mamba-cache-mode
      """, .one,
      .matters(
        """
        states of recurrent layers are kept as the model's default has it
        """))

  /// Names, addresses, texts, logs, how weights are loaded and which kernels run: a price is that of the device's profile.
  private static let vllmIdle: [EngineFlag] =
    each(
      """
      host port uds uvicorn-log-level root-path api-key ssl-keyfile ssl-certfile ssl-ca-certs
      ssl-cert-reqs ssl-ciphers response-role chat-template chat-template-content-format
      default-chat-template-kwargs tool-call-parser tool-parser-plugin tool-server log-config-file
      max-log-len h11-max-incomplete-event-size h11-max-header-count api-server-count asc
      disable-access-log-for-endpoints shutdown-timeout fingerprint-mode fingerprint-value
      log-level
      """, .one, .nothing)
    + each(
      """
      allowed-origins allowed-methods allowed-headers middleware served-model-name
      logits-processors ignore-patterns  
      """, .many, .nothing)
    + each(
      """
      allow-credentials disable-uvicorn-access-log enable-ssl-refresh enable-request-id-headers
      enable-auto-tool-choice exclude-tools-when-tool-choice-none trust-request-chat-template
      return-tokens-as-token-ids disable-fastapi-docs enable-prompt-tokens-details
      enable-server-load-tracking enable-force-include-usage enable-tokenizer-info-endpoint
      enable-log-outputs enable-log-requests log-error-stack headless disable-log-stats
      disable-log-requests aggregate-engine-logging disable-frontend-multiprocessing
      enable-per-request-metrics enable-offline-docs tokens-only
      """, .none, .nothing)
    + each(
      """
      tokenizer tokenizer-mode tokenizer-revision revision code-revision hf-config-path
      config-format load-format download-dir safetensors-load-strategy model-loader-extra-config
      pt-load-map-location generation-config override-generation-config seed max-logprobs
      logprobs-mode allowed-local-media-path allowed-media-domains model-impl convert
      pooler-config override-pooler-config io-processor-plugin logits-processor-pattern
      attention-backend attention-config ac reasoning-parser reasoning-parser-plugin
      reasoning-config guided-decoding-backend structured-outputs-config rope-theta model-weights
      """, .one, .nothing)
    + each(
      """
      trust-remote-code skip-tokenizer-init enable-prompt-embeds enable-sleep-mode
      use-tqdm-on-load enable-reasoning disable-async-output-proc
      enable-return-routed-experts interleave-mm-strings enable-mm-embeds
      """, .none, .nothing)
    + each(
      """
      distributed-executor-backend master-addr master-port nnodes n node-rank r
      distributed-timeout-seconds data-parallel-rank dpn data-parallel-start-rank dpr
      data-parallel-size-local dpl data-parallel-address dpa data-parallel-rpc-port dpp
      data-parallel-backend dpb all2all-backend ubatch-size dbo-decode-token-threshold
      dbo-prefill-token-threshold expert-placement-strategy max-parallel-loading-workers
      worker-cls worker-extension-cls dcp-comm-backend dcp-kv-cache-interleave-size
      cp-kv-cache-interleave-size
      """, .one, .nothing)
    + each(
      """
      data-parallel-hybrid-lb dph data-parallel-external-lb dpe disable-custom-all-reduce
      disable-nccl-for-dp-synchronization ray-workers-use-nsight worker-use-ray engine-use-ray
      enable-elastic-ep
      """, .none, .nothing)
    + each(
      """
      prefix-caching-hash-algo swap-space max-long-partial-prefills stream-interval scheduler-cls
      max-seq-len-to-capture num-lookahead-slots device mm-processor-cache-gb
      mm-processor-cache-type mm-shm-cache-max-object-size-mb mm-encoder-tp-mode
      mm-encoder-attn-backend media-io-kwargs max-loras max-lora-rank lora-dtype max-cpu-loras
      num-speculative-tokens otlp-traces-endpoint collect-detailed-traces
      show-hidden-metrics-for-version kv-cache-metrics-sample profiler-config kv-events-config
      ec-transfer-config additional-config optimization-level performance-mode kernel-config
      moe-backend weight-transfer-config speculative-draft-tensor-parallel-size
      """, .one, .nothing)
    + each(
      """
      calculate-kv-scales disable-chunked-mm-input fully-sharded-loras
      disable-mm-preprocessor-cache kv-cache-metrics cudagraph-metrics
      enable-layerwise-nvtx-tracing enable-mfu-metrics enable-logging-iteration-details
      use-v2-block-manager multi-step-stream-outputs enable-flashinfer-autotune
      fail-on-environ-validation
      """, .none, .nothing)
}
